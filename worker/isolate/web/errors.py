"""JavaScript errors as Python exceptions.

Source: Pyodide, "JsException"; the Web IDL table of DOMException names.
"""

from __future__ import annotations

from typing import Final

from paddock.worker.isolate.web.objects import Constructor, JsProxy

__all__ = [
    "DOM_EXCEPTION",
    "USER_ERRORS",
    "ErrorClass",
    "JsException",
    "LimitExceeded",
    "abort_error",
    "as_exception",
    "range_error",
    "type_error",
]

#: Errors of the language itself; of any other name an error is a DOMException if listed below, else a plain Error.
_LANGUAGE_ERRORS: Final = {
    "AggregateError", "Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError",
}  # fmt: skip
_DOM_ERRORS: Final = {
    "AbortError", "DataCloneError", "DataError", "EncodingError", "InvalidAccessError", "InvalidCharacterError",
    "InvalidStateError", "NetworkError", "NotFoundError", "NotSupportedError", "OperationError", "QuotaExceededError",
    "SecurityError", "SyntaxError", "TimeoutError", "TypeMismatchError",
}  # fmt: skip


class JsException(JsProxy, Exception):
    """An error thrown by JavaScript. Its text is "Name: message" (PW-120)."""

    __module__ = "pyodide.ffi"  # where handlers import it from, and so what a traceback shall say

    def __init__(self, name: str, message: str = "", stack: str = "") -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message
        self.stack = stack or self.toString()

    @property
    def constructor(self) -> JsProxy:
        if self.name in _LANGUAGE_ERRORS:
            return ErrorClass.of(self.name)
        return DOM_EXCEPTION if self.name in _DOM_ERRORS else ErrorClass.of("Error")

    def toString(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name

    def __str__(self) -> str:
        return self.toString()

    def __repr__(self) -> str:
        return f"JsException({self.name!r}, {self.message!r})"


class LimitExceeded(BaseException):
    """An event has used up what it may use. No Exception, so that `except Exception` in user code lets it by."""


#: What user code may raise: the promise or the stream that it raises it in has to take it, or nobody hears of it.
USER_ERRORS: Final = (Exception, LimitExceeded)


class ErrorClass(Constructor):
    """`js.Error` and its siblings: `Error.new("text")` makes the exception without raising it."""

    __slots__ = ()
    _made: Final[dict[str, ErrorClass]] = {}

    @classmethod
    def of(cls, name: str) -> JsProxy:  # type: ignore[override]  # errors are told apart by name, not by Python class
        return cls._made.setdefault(name, cls(name))

    def new(self, message: object = None, options: object = None, **members: object) -> JsException:
        error = JsException(self.name, "" if message is None else str(message))
        cause = members.get("cause", getattr(options, "cause", None))
        if cause is not None:
            error.cause = cause  # type: ignore[attr-defined]  # present only when given, as in JavaScript
        return error

    def __call__(self, message: object = None, options: object = None, **members: object) -> JsException:  # type: ignore[override]  # errors may be made without `new`
        return self.new(message, options, **members)


class _DomExceptionClass(Constructor):
    """`js.DOMException`: an error that is told apart by its name."""

    __slots__ = ()

    def new(self, message: object = None, name: object = None) -> JsException:
        return JsException("Error" if name is None else str(name), "" if message is None else str(message))


#: The name that handlers import.
DOM_EXCEPTION: Final = _DomExceptionClass("DOMException")


def type_error(message: str) -> JsException:
    """A TypeError of JavaScript; Python's own TypeError is another thing."""
    return JsException("TypeError", message)


def range_error(message: str) -> JsException:
    """A RangeError of JavaScript."""
    return JsException("RangeError", message)


def abort_error(message: str = "The operation was aborted") -> JsException:
    """What an abort without a reason of its own is reported as."""
    return JsException("AbortError", message)


def as_exception(reason: object) -> BaseException:
    """What Python raises for a thrown or rejected value: an error as it is, anything else inside an Error.

    A Python exception that went through JavaScript comes back as the original.
    """
    if isinstance(reason, BaseException):
        return reason
    kind = "undefined" if reason is None else type(reason).__name__
    return JsException("Error", f"A value of type {kind} was thrown as an error: {reason}")
