"""Classes that handlers can name, and functions that they can call.

In production a class is used as `Response.new(...)`, never as `Response(...)`, the keyword arguments of a call arrive
as one trailing object, and arguments that a method does not have are ignored. These rules live here.
"""

from __future__ import annotations

import functools
from inspect import CO_VARARGS
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from paddock.worker.isolate.web.borrowed import lend
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.objects import Constructor, JsObject, JsProxy

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JsClass", "JsFunction", "folds_keywords", "with_keywords"]

_T = TypeVar("_T")
_R = TypeVar("_R")


class JsClass(type, JsProxy):
    """Metaclass of the platform's classes: the class is a JavaScript value itself, made into instances by `.new`."""

    _js_name = ""

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: object) -> None:
        super().__init__(name, bases, namespace, **options)
        for attribute, value in namespace.items():
            if isinstance(value, FunctionType) and attribute[0] != "_" and not value.__code__.co_flags & CO_VARARGS:
                setattr(cls, attribute, _forgiving(value))

    @property
    def name(cls) -> str:
        return cls._js_name or cls.__name__

    @property
    def constructor(cls) -> JsProxy:
        return Constructor.of(Constructor)

    @property
    def typeof(cls) -> str:
        return "function"

    def new(cls: type[_T], *args: object, **members: object) -> _T:
        """A new instance. Keyword arguments are the members of a trailing object."""
        # Loops, because this runs for every object: few have functions among their arguments.
        for value in args:
            if callable(value):
                return _made(cls, args, members)
        for value in members.values():
            if callable(value):
                return _made(cls, args, members)
        made: _T = type.__call__(cls, *with_keywords(args, members))
        return made

    def __call__(cls, *args: object, **members: object) -> NoReturn:
        raise type_error(
            f"Failed to construct '{cls.name}': Please use the 'new' operator, this object constructor cannot be "
            f"called as a function. In Python: {cls.name}.new(...)."
        )

    def __repr__(cls) -> str:
        return f"function {cls.name}() {{ [native code] }}"

    __str__ = __repr__


class JsFunction(JsProxy):
    """A function of the platform that stands alone, like `fetch` or `Object.fromEntries`."""

    _js_name = "Function"

    def __init__(self, function: Callable[..., object], name: str = "") -> None:
        self._function = function
        self.name = name or function.__name__
        self.__doc__ = function.__doc__

    def __call__(self, *args: object, **members: object) -> object:
        return _call(self._function, args, members)

    def toString(self) -> str:
        return f"function {self.name}() {{ [native code] }}"


def _forgiving(method: Callable[..., _R]) -> Callable[..., _R]:
    """A method that ignores arguments beyond its own: many write `headers.get(name, default)`, which has no default.

    What Pyodide adds to a value, such as a Map's `get(key, default)`, is Python's and takes its own keywords.
    """
    most = method.__code__.co_argcount
    own = frozenset(method.__code__.co_varnames[: most + method.__code__.co_kwonlyargcount])

    @functools.wraps(method)
    def called(*args: object, **members: object) -> _R:
        if members:
            if members.keys() <= own:
                return method(*args, **members)
            args = with_keywords(args, members)
        return method(*args[:most])

    return called


def _made(kind: type[_T], args: tuple[object, ...], members: dict[str, object]) -> _T:
    """A new instance, for arguments among which are functions."""
    made: _T = _call(functools.partial(type.__call__, kind), args, members)
    return made


def _call(function: Callable[..., Any], args: tuple[object, ...], members: dict[str, object]) -> Any:
    """Call with Python's functions among the arguments lent, and ended when the call is over."""
    if not any(map(callable, args)) and not any(map(callable, members.values())):
        return function(*with_keywords(args, members))
    given, lent = lend((*args, *members.values()))
    named = dict(zip(members, given[len(args) :], strict=True))
    result = None
    try:
        result = function(*with_keywords(given[: len(args)], named))
        return result
    finally:
        # What a promise stands for is still going on.
        for one in () if hasattr(result, "then") else lent:
            one.end()


def with_keywords(args: tuple[object, ...], members: dict[str, object]) -> tuple[object, ...]:
    """Arguments as JavaScript receives them: keywords, if any, as one trailing object."""
    return (*args, JsObject(members)) if members else args


def folds_keywords(method: Callable[..., _R]) -> Callable[..., _R]:
    """For methods that take an options object: lets handlers write its members as keyword arguments."""

    @functools.wraps(method)
    def folded(self: object, *args: object, **members: object) -> _R:
        return method(self, *with_keywords(args, members))

    return folded
