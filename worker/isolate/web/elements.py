"""The methods of typed arrays that look at elements, as arrays have them.

Source: ECMAScript, "%TypedArray%.prototype"; "Uint8Array to and from base64 and hex". Callbacks get element, index and
array, as JavaScript passes them.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from paddock.worker.isolate.web.array import JsArray, JsIterator
from paddock.worker.isolate.web.errors import range_error

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ElementMethods"]


class ElementMethods:
    """Base of the typed arrays. `Any` stands for the array itself, whose class builds on this one."""

    def at(self: Any, index: int) -> object:
        return self[index] if -self.length <= index < self.length else None

    def copyWithin(self: Any, target: int, start: int, end: int | None = None) -> Any:
        """Copy some elements to another place of the same array."""
        moved = self.slice(start, end)
        begin = slice(target, None).indices(self.length)[0]
        self.set(moved.slice(0, self.length - begin), begin)
        return self

    def entries(self: Any) -> JsIterator:
        return JsIterator(JsArray(entry) for entry in enumerate(self))

    def every(self: Any, predicate: Callable[..., object]) -> bool:
        return all(predicate(element, index, self) for index, element in enumerate(self))

    def filter(self: Any, predicate: Callable[..., object]) -> Any:
        return type(self).new(JsArray(self).filter(self._with_self(predicate)))

    def find(self: Any, predicate: Callable[..., object]) -> object:
        return JsArray(self).find(self._with_self(predicate))

    def findIndex(self: Any, predicate: Callable[..., object]) -> int:
        return JsArray(self).findIndex(self._with_self(predicate))

    def findLast(self: Any, predicate: Callable[..., object]) -> object:
        return JsArray(self).findLast(self._with_self(predicate))

    def findLastIndex(self: Any, predicate: Callable[..., object]) -> int:
        return JsArray(self).findLastIndex(self._with_self(predicate))

    def forEach(self: Any, callback: Callable[..., object]) -> None:
        JsArray(self).forEach(self._with_self(callback))

    def includes(self: Any, value: object) -> bool:
        return value in list(self)

    def indexOf(self: Any, value: object) -> int:
        return JsArray(self).indexOf(value)

    def lastIndexOf(self: Any, value: object) -> int:
        return JsArray(self).lastIndexOf(value)

    def join(self: Any, separator: object = ",") -> str:
        return JsArray(self).join(separator)

    def keys(self: Any) -> JsIterator:
        return JsIterator(range(self.length))

    def map(self: Any, callback: Callable[..., object]) -> Any:
        return type(self).new(JsArray(self).map(self._with_self(callback)))

    def reduce(self: Any, callback: Callable[..., object], *initial: object) -> object:
        return JsArray(self).reduce(lambda total, item, index, _: callback(total, item, index, self), *initial)

    def reduceRight(self: Any, callback: Callable[..., object], *initial: object) -> object:
        return JsArray(self).reduceRight(lambda total, item, index, _: callback(total, item, index, self), *initial)

    def reverse(self: Any) -> Any:
        self.set(list(self)[::-1])
        return self

    def some(self: Any, predicate: Callable[..., object]) -> bool:
        return any(predicate(element, index, self) for index, element in enumerate(self))

    def sort(self: Any, compare: Callable[..., int] | None = None) -> Any:
        """By value, unlike an array, which sorts by text."""
        self.set(sorted(self, key=functools.cmp_to_key(compare) if compare else None))
        return self

    def toReversed(self: Any) -> Any:
        return self.slice().reverse()

    def toSorted(self: Any, compare: Callable[..., int] | None = None) -> Any:
        return self.slice().sort(compare)

    def values(self: Any) -> JsIterator:
        return JsIterator(self)

    def with_(self: Any, index: int, value: object) -> Any:
        """A copy with another element at one place. Raises a RangeError outside of the array."""
        if not -self.length <= index < self.length:
            raise range_error("Invalid typed array index")
        copy = self.slice()
        copy[index] = value
        return copy

    def _with_self(self, callback: Callable[..., object]) -> Callable[..., object]:
        """The callback with this array as its last argument."""
        return lambda element, index, _: callback(element, index, self)
