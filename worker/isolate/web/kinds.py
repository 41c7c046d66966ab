"""Classes that only `isinstance` is asked about: what a JavaScript value can do, seen from Python.

Source: Pyodide, "pyodide.ffi": these classes have no instances of their own; a value belongs to them by its methods.
"""

from __future__ import annotations

from paddock.worker.isolate.web.objects import JsProxy

__all__ = [
    "InternalError", "JsAsyncGenerator", "JsAsyncIterable", "JsAsyncIterator", "JsCallable", "JsDomElement",
    "JsGenerator", "JsIterable", "JsIterator",
]  # fmt: skip


class InternalError(Exception):
    """A fault of the layer between the languages. Never raised here."""


class _Kind(type):
    """A value is an instance if it is a JavaScript value and has all of the methods."""

    def __instancecheck__(cls, value: object) -> bool:
        methods: tuple[str, ...] = getattr(cls, "_methods", ())
        return bool(methods) and isinstance(value, JsProxy) and all(_has(type(value), name) for name in methods)


def _has(kind: type, name: str) -> bool:
    """Whether instances of a class have a method; unlike hasattr, this does not find the class's own `__call__`."""
    return any(name in vars(base) for base in kind.__mro__)


class JsCallable(metaclass=_Kind):
    """A function or a class."""

    _methods = ("__call__",)


class JsIterable(metaclass=_Kind):
    """What a `for` loop takes."""

    _methods = ("__iter__",)


class JsIterator(metaclass=_Kind):
    """What `next()` takes."""

    _methods = ("__next__",)


class JsGenerator(metaclass=_Kind):
    """What can be sent values."""

    _methods = ("__next__", "send", "throw", "close")


class JsAsyncIterable(metaclass=_Kind):
    """What an `async for` loop takes."""

    _methods = ("__aiter__",)


class JsAsyncIterator(metaclass=_Kind):
    """What `anext()` takes."""

    _methods = ("__anext__",)


class JsAsyncGenerator(metaclass=_Kind):
    """What can be sent values, and awaited."""

    _methods = ("__anext__", "asend", "athrow", "aclose")


class JsDomElement(metaclass=_Kind):
    """An element of a page; there are none in a Worker."""
