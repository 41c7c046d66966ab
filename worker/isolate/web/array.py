"""`Array`: JavaScript's methods, and those of a Python list where the names differ.

Source: Pyodide, JsArray. Where both languages have a name (`pop`, `index`, `copy`...), Python's meaning wins.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, overload

from paddock.worker.isolate.web.errors import range_error, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, crossing, is_nullish
from paddock.worker.isolate.web.text import js_string

__all__ = ["Array", "JsArray", "JsIterator"]


class JsArray(JsProxy):
    """A JavaScript array. Subscripts, slices, `len`, `in` and iteration work as on a list; `==` is identity."""

    _js_name = "Array"

    def __init__(self, items: Iterable[object] = ()) -> None:
        self._items: list[object] = list(items)

    @property
    def constructor(self) -> JsProxy:
        return Array

    @property
    def length(self) -> int:
        return len(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[object]:
        return map(crossing, self._items)

    def __reversed__(self) -> Iterator[object]:
        return reversed(self._items)

    def __contains__(self, value: object) -> bool:
        return value in self._items

    @overload
    def __getitem__(self, index: int) -> object: ...
    @overload
    def __getitem__(self, index: slice) -> JsArray: ...
    def __getitem__(self, index: int | slice) -> object:
        return JsArray(self._items[index]) if isinstance(index, slice) else crossing(self._items[index])

    def __setitem__(self, index: int | slice, value: object) -> None:
        if isinstance(index, slice):
            self._items[index] = _iterable(value)
        else:
            self._items[index] = value

    def __delitem__(self, index: int | slice) -> None:
        del self._items[index]

    def __add__(self, other: Iterable[object]) -> JsArray:
        return JsArray([*self._items, *other])

    # Python's list

    def append(self, value: object) -> None:
        self._items.append(value)

    def extend(self, values: Iterable[object]) -> None:
        self._items.extend(values)

    def insert(self, index: int, value: object) -> None:
        self._items.insert(index, value)

    def pop(self, index: int = -1) -> object:
        return self._items.pop(index)

    def remove(self, value: object) -> None:
        self._items.remove(value)

    def index(self, value: object, *bounds: int) -> int:
        return self._items.index(value, *bounds)

    def count(self, value: object) -> int:
        return self._items.count(value)

    def clear(self) -> None:
        self._items.clear()

    def copy(self) -> JsArray:
        return JsArray(self._items)

    # JavaScript's array. Callbacks get every argument that JavaScript passes, as in production: a Python function that
    # takes only the item raises there too.

    def at(self, index: int) -> object:
        return self._items[index] if -len(self._items) <= index < len(self._items) else None

    def concat(self, *others: object) -> JsArray:
        joined = list(self._items)
        for other in others:
            joined.extend(other if isinstance(other, JsArray) else (other,))
        return JsArray(joined)

    def entries(self) -> JsIterator:
        return JsIterator(JsArray((index, item)) for index, item in enumerate(self._items))

    def every(self, predicate: Callable[..., object]) -> bool:
        return all(predicate(item, index, self) for index, item in enumerate(self._items))

    def filter(self, predicate: Callable[..., object]) -> JsArray:
        return JsArray(item for index, item in enumerate(self._items) if predicate(item, index, self))

    def fill(self, value: object = None, start: int | None = None, end: int | None = None) -> JsArray:
        for index in range(*slice(start, end).indices(len(self._items))):
            self._items[index] = value
        return self

    def find(self, predicate: Callable[..., object]) -> object:
        return next((item for index, item in enumerate(self._items) if predicate(item, index, self)), None)

    def findIndex(self, predicate: Callable[..., object]) -> int:
        return next((index for index, item in enumerate(self._items) if predicate(item, index, self)), -1)

    def findLast(self, predicate: Callable[..., object]) -> object:
        return next((item for index, item in reversed(self._pairs()) if predicate(item, index, self)), None)

    def findLastIndex(self, predicate: Callable[..., object]) -> int:
        return next((index for index, item in reversed(self._pairs()) if predicate(item, index, self)), -1)

    def flat(self, depth: int = 1) -> JsArray:
        flattened: list[object] = []
        for item in self._items:
            if isinstance(item, JsArray) and depth >= 1:
                flattened.extend(item.flat(depth - 1))
            else:
                flattened.append(item)
        return JsArray(flattened)

    def flatMap(self, callback: Callable[..., object]) -> JsArray:
        return self.map(callback).flat()

    def forEach(self, callback: Callable[..., object]) -> None:
        for index, item in enumerate(self._items):
            callback(item, index, self)

    def includes(self, value: object) -> bool:
        return value in self._items

    def indexOf(self, value: object) -> int:
        return self._items.index(value) if value in self._items else -1

    def join(self, separator: object = ",") -> str:
        return js_string(separator).join("" if is_nullish(item) else js_string(item) for item in self._items)

    def keys(self) -> JsIterator:
        return JsIterator(range(len(self._items)))

    def lastIndexOf(self, value: object) -> int:
        return next((index for index, item in reversed(self._pairs()) if item == value), -1)

    def map(self, callback: Callable[..., object]) -> JsArray:
        return JsArray(callback(item, index, self) for index, item in enumerate(self._items))

    def push(self, *values: object) -> int:
        self._items.extend(values)
        return len(self._items)

    def reduce(self, callback: Callable[..., object], *initial: object) -> object:
        if not self._items and not initial:
            raise type_error("Reduce of empty array with no initial value")
        return self._reduced(callback, self._pairs(), initial)

    def reduceRight(self, callback: Callable[..., object], *initial: object) -> object:
        if not self._items and not initial:
            raise type_error("Reduce of empty array with no initial value")
        return self._reduced(callback, self._pairs()[::-1], initial)

    def reverse(self) -> JsArray:
        self._items.reverse()
        return self

    def shift(self) -> object:
        return self._items.pop(0) if self._items else None

    def slice(self, start: int | None = None, end: int | None = None) -> JsArray:
        return JsArray(self._items[start:end])

    def some(self, predicate: Callable[..., object]) -> bool:
        return any(predicate(item, index, self) for index, item in enumerate(self._items))

    def sort(self, compare: Callable[..., float] | None = None) -> JsArray:
        self._items.sort(key=functools.cmp_to_key(lambda a, b: _sign(compare(a, b))) if compare else js_string)
        return self

    def splice(self, start: int, delete_count: int | None = None, *inserted: object) -> JsArray:
        begin = slice(start, None).indices(len(self._items))[0]
        end = len(self._items) if delete_count is None else min(len(self._items), begin + max(0, delete_count))
        removed = JsArray(self._items[begin:end])
        self._items[begin:end] = inserted
        return removed

    def unshift(self, *values: object) -> int:
        self._items[:0] = values
        return len(self._items)

    def values(self) -> JsIterator:
        return JsIterator(self._items)

    def toReversed(self) -> JsArray:
        return self.copy().reverse()

    def toSorted(self, compare: Callable[..., float] | None = None) -> JsArray:
        return self.copy().sort(compare)

    def toSpliced(self, start: int, delete_count: int | None = None, *inserted: object) -> JsArray:
        copy = self.copy()
        copy.splice(start, delete_count, *inserted)
        return copy

    def with_(self, index: int, value: object) -> JsArray:
        """A copy with another item at one place. Raises a RangeError outside of the array."""
        copy = self.copy()
        if not -len(copy) <= index < len(copy):
            raise range_error(f"Invalid index : {index}")
        copy[index] = value
        return copy

    def toString(self) -> str:
        return self.join()

    def _pairs(self) -> list[tuple[int, object]]:
        return list(enumerate(self._items))

    def _reduced(
        self, callback: Callable[..., object], items: list[tuple[int, object]], initial: tuple[object, ...]
    ) -> object:
        total = initial[0] if initial else items.pop(0)[1]
        for index, item in items:
            total = callback(total, item, index, self)
        return total


class JsIterator(JsProxy):
    """What `entries()`, `keys()` and `values()` return: an iterator of either language."""

    _js_name = "Iterator"

    def __init__(self, items: Iterable[object]) -> None:
        self._items = iter(items)

    def next(self) -> JsObject:
        """The next item as an object with `value` and `done`."""
        for item in self._items:
            return JsObject({"value": item, "done": False})
        return JsObject({"value": None, "done": True})

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def __next__(self) -> Any:
        return next(self._items)


class _ArrayConstructor(JsProxy):
    """`js.Array`, which may be called with or without `new`."""

    _js_name = "Function"
    name = "Array"

    def new(self, *items: object) -> JsArray:
        if len(items) == 1 and isinstance(items[0], int) and not isinstance(items[0], bool):
            if items[0] < 0:
                raise range_error("Invalid array length")
            return JsArray([None] * items[0])
        return JsArray(items)

    __call__ = new

    def from_(self, source: object, transform: Callable[..., object] | None = None) -> JsArray:
        length = source._members().get("length") if isinstance(source, JsObject) else None
        if isinstance(source, JsObject) and isinstance(length, int):
            items = JsArray(source._members().get(str(index)) for index in range(length))
        else:
            items = JsArray(_iterable(source))
        return items.map(transform) if transform else items

    def of(self, *items: object) -> JsArray:
        return JsArray(items)

    def isArray(self, value: object) -> bool:
        return isinstance(value, JsArray)


def _sign(order: float) -> int:
    return (order > 0) - (order < 0)


def _iterable(value: object) -> Iterable[object]:
    if not isinstance(value, Iterable):
        raise type_error(f"{js_string(value)} is not iterable")
    return value


#: The name that handlers import.
Array: Final = _ArrayConstructor()
