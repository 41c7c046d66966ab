"""`Map` and `Set`, and the mapping view of an object's members.

Source: Pyodide, JsMap (a mutable mapping), JsProxy.as_object_map.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from paddock.worker.isolate.web.array import JsArray, JsIterator
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, crossing, is_nullish

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JsMap", "JsSet", "JsonArray", "ObjectMap", "as_json", "pairs"]


class _MapClass(JsClass, type(MutableMapping)):  # type: ignore[misc]  # the metaclass of abstract classes
    """Metaclass of a platform class that is also one of Python's abstract collections."""


class JsMap(JsProxy, MutableMapping[object, object], metaclass=_MapClass):
    """A JavaScript map. In Python it is a mutable mapping, so iterating it gives its keys."""

    _js_name = "Map"
    __hash__ = object.__hash__

    def __init__(self, entries: object = None) -> None:
        self._entries: dict[object, object] = {} if is_nullish(entries) else dict(pairs(entries))

    @property
    def size(self) -> int:
        return len(self._entries)

    def has(self, key: object) -> bool:
        return key in self._entries

    def set(self, key: object, value: object = None) -> JsMap:
        self._entries[key] = value
        return self

    def delete(self, key: object) -> bool:
        if is_present := key in self._entries:
            del self._entries[key]
        return is_present

    def entries(self) -> JsIterator:
        return JsIterator(JsArray(entry) for entry in self._entries.items())

    def forEach(self, callback: Callable[..., object]) -> None:
        for key, value in list(self._entries.items()):
            callback(value, key, self)

    def __getitem__(self, key: object) -> object:
        return crossing(self._entries[key])

    def __setitem__(self, key: object, value: object) -> None:
        self._entries[key] = value

    def __delitem__(self, key: object) -> None:
        del self._entries[key]

    def __iter__(self) -> Iterator[object]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return self is other


class JsSet(JsProxy, metaclass=JsClass):
    """A JavaScript set: `in`, `len` and iteration, in the order of insertion."""

    _js_name = "Set"

    def __init__(self, values: object = None) -> None:
        self._values: dict[object, None] = {} if is_nullish(values) else dict.fromkeys(cast("Iterable[object]", values))

    @property
    def size(self) -> int:
        return len(self._values)

    def add(self, value: object) -> JsSet:
        self._values[value] = None
        return self

    def has(self, value: object) -> bool:
        return value in self._values

    def delete(self, value: object) -> bool:
        if is_present := value in self._values:
            del self._values[value]
        return is_present

    def clear(self) -> None:
        self._values.clear()

    def values(self) -> JsIterator:
        return JsIterator(self._values)

    keys = values

    def entries(self) -> JsIterator:
        return JsIterator(JsArray((value, value)) for value in self._values)

    def forEach(self, callback: Callable[..., object]) -> None:
        for value in list(self._values):
            callback(value, value, self)

    def __contains__(self, value: object) -> bool:
        return value in self._values

    def __iter__(self) -> Iterator[object]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class ObjectMap(JsProxy, MutableMapping[str, object], metaclass=_MapClass):
    """The members of an object, by subscript. Made by `as_object_map()`; changes go to the object."""

    _js_name = "Object"
    __hash__ = object.__hash__

    def __init__(self, target: JsProxy, is_hereditary: bool) -> None:
        self._target = target
        self._is_hereditary = is_hereditary

    @classmethod
    def over(cls, target: JsProxy, is_hereditary: bool) -> ObjectMap:
        """The view of an object."""
        view = cls.__new__(cls)
        view.__init__(target, is_hereditary)  # type: ignore[misc]  # handlers cannot construct it; its owner can
        return view

    def __getitem__(self, name: str) -> object:
        value = self._target._members()[name]
        return as_json(value) if self._is_hereditary else crossing(value)

    def __setitem__(self, name: str, value: object) -> None:
        setattr(self._target, name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self._target._members():
            raise KeyError(name)
        delattr(self._target, name)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._target._members()))

    def __len__(self) -> int:
        return len(self._target._members())

    def __eq__(self, other: object) -> bool:
        return self is other


class JsonArray(JsArray):
    """The items of an array, those that are objects or arrays seen as dicts and lists. Changes go to the array."""

    @classmethod
    def over(cls, target: JsArray) -> JsonArray:
        """The view of an array."""
        view = cls()
        view._items = target._items
        return view

    def __iter__(self) -> Iterator[object]:
        return map(as_json, self._items)

    def __getitem__(self, index: Any) -> Any:  # an index or a slice, as in the base class
        if isinstance(index, slice):
            return JsonArray(self._items[index])
        return as_json(self._items[index])


def as_json(value: object) -> object:
    """A value as dicts and lists would look, without a copy."""
    match value:
        case JsObject():
            return ObjectMap.over(value, True)
        case JsArray():
            return JsonArray.over(value)
    return crossing(value)


def pairs(source: object, *, wrong_size: str = "") -> Iterator[tuple[object, object]]:
    """Entries of an iterable of pairs: arrays, tuples, the items of a dict.

    What an entry lacks is undefined, what it has beyond two is ignored; with `wrong_size`, both raise that TypeError.
    """
    if not isinstance(source, Iterable):
        raise type_error(f"{source} is not iterable")
    # A Map goes through its entries in JavaScript, and through its keys in Python.
    for entry in source.items() if isinstance(source, JsMap) else source:
        if not isinstance(entry, Iterable) or isinstance(entry, str):
            raise type_error(f"Iterator value {entry} is not an entry object")
        items = list(entry)
        if wrong_size and len(items) != 2:
            raise type_error(wrong_size)
        key, value = (*items, None, None)[:2]
        yield key, value
