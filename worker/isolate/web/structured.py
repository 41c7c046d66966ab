"""`structuredClone`: a deep copy, cycles included.

Source: HTML standard, "Structured cloning"; workerd, jsg/ser (the texts of errors).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import Blob, File
from paddock.worker.isolate.web.boxed import Boxed
from paddock.worker.isolate.web.buffers import ArrayBuffer, DataView, TypedArray
from paddock.worker.isolate.web.classes import JsFunction
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.map import JsMap, JsSet
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, read
from paddock.worker.isolate.web.regexp import RegExp
from paddock.worker.isolate.web.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["STRUCTURED_CLONE"]


def _structured_clone(value: object = None, options: object = None) -> object:
    """A deep copy. Raises a DataCloneError for functions, for most class instances and for Python's own objects."""
    transferred = read(options, "transfer")
    buffers = [] if is_nullish(transferred) else list(cast("Iterable[object]", transferred))
    if not all(isinstance(item, ArrayBuffer) for item in buffers):
        raise JsException("DataCloneError", "Value not transferable")
    copy = _Clone().of(value)
    for item in buffers:
        cast("ArrayBuffer", item).detach()
    return copy


class _Clone:
    """One call of `structuredClone`."""

    def __init__(self) -> None:
        #: Copies by the identity of their originals, which stand beside them so that they live as long.
        self._seen: dict[int, tuple[object, object]] = {}

    def of(self, value: object) -> object:
        if isinstance(value, str | int | float) or is_nullish(value):
            return value
        if id(value) not in self._seen:
            copy = self._empty(value)
            self._seen[id(value)] = (value, copy)
            self._fill(value, copy)
        return self._seen[id(value)][1]

    def _empty(self, value: object) -> object:
        """A copy of a value without what it contains, so that what it contains may refer to it."""
        match value:
            case JsArray():
                return JsArray()
            case JsObject():
                return JsObject()
            case JsMap():
                return JsMap.new()
            case JsSet():
                return JsSet.new()
            case Date():
                return Date.new(value)
            case RegExp():
                return RegExp.new(value)
            case ArrayBuffer():
                return value.slice()
            case TypedArray():
                return type(value).new(self.of(value.buffer), value.byteOffset, value.length)
            case DataView():
                return DataView.new(self.of(value.buffer), value.byteOffset, value.byteLength)
            case JsException():
                return JsException(value.name, value.message, value.stack)
            case Boxed():
                return type(value)(value.valueOf())
            case Headers():
                return Headers.new(value)
            case Request():
                return value.clone()
            case Blob() if not isinstance(value, File):
                return Blob.of(value._data, value.type)
        raise _refusal(value)

    def _fill(self, value: object, copy: object) -> None:
        match value, copy:
            case JsArray(), JsArray():
                copy._items.extend(self.of(item) for item in value._items)
            case JsObject(), JsObject():
                for name, member in value._members().items():
                    copy._put(name, self.of(member))
            case JsMap(), JsMap():
                for key, member in value.items():
                    copy.set(self.of(key), self.of(member))
            case JsSet(), JsSet():
                for item in value:
                    copy.add(self.of(item))


def _refusal(value: object) -> JsException:
    if not isinstance(value, JsProxy):
        hint = "convert it with to_js first"
        return JsException("DataCloneError", f"{value!r} could not be cloned: it is a Python object; {hint}.")
    if value.typeof == "function" or value.typeof == "symbol":
        return JsException("DataCloneError", f"{value} could not be cloned.")
    kind = getattr(value.constructor, "name", "Object")
    return JsException(
        "DataCloneError", f'Could not serialize object of type "{kind}". This type does not support serialization.'
    )


#: The function that handlers import.
STRUCTURED_CLONE: Final = JsFunction(_structured_clone, "structuredClone")
