"""Numbers, texts and booleans as objects: what `Number.new(5)` makes. Source: ECMAScript, "Number objects"."""

from __future__ import annotations

from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.text import js_string

__all__ = ["Boxed", "box"]


class Boxed(JsProxy):
    """A primitive value in an object, which no other such object equals. `to_py()` gives the value."""

    def __init__(self, value: object) -> None:
        self._value = value

    def valueOf(self) -> object:
        return self._value

    def toString(self) -> str:
        return js_string(self._value)


class _BoxedNumber(Boxed):
    _js_name = "Number"


class _BoxedString(Boxed):
    _js_name = "String"


class _BoxedBoolean(Boxed):
    _js_name = "Boolean"


def box(value: str | float | bool) -> Boxed:
    """The object of a value."""
    if isinstance(value, bool):
        return _BoxedBoolean(value)
    return _BoxedString(value) if isinstance(value, str) else _BoxedNumber(value)
