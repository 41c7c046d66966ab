"""`WeakMap`, `WeakSet` and `WeakRef`: they know an object without keeping it alive.

Source: ECMAScript, "Weak references".
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.map import pairs
from paddock.worker.isolate.web.objects import JsProxy, is_nullish
from paddock.worker.isolate.web.text import js_string

__all__ = ["WeakMap", "WeakRef", "WeakSet"]


class WeakMap(JsProxy, metaclass=JsClass):
    """Values of objects. An entry goes with its object."""

    def __init__(self, entries: object = None) -> None:
        self._entries: weakref.WeakKeyDictionary[JsProxy, object] = weakref.WeakKeyDictionary()
        for key, value in () if is_nullish(entries) else pairs(entries):
            self.set(key, value)

    def get(self, key: object) -> object:
        return self._entries.get(key) if isinstance(key, JsProxy) else None

    def set(self, key: object, value: object = None) -> WeakMap:
        if not isinstance(key, JsProxy):
            raise type_error(f"Invalid value used as weak map key: {js_string(key)}")
        self._entries[key] = value
        return self

    def has(self, key: object) -> bool:
        return isinstance(key, JsProxy) and key in self._entries

    def delete(self, key: object) -> bool:
        if not isinstance(key, JsProxy) or key not in self._entries:
            return False
        del self._entries[key]
        return True


class WeakSet(JsProxy, metaclass=JsClass):
    """Objects, each for as long as it lives."""

    def __init__(self, values: object = None) -> None:
        self._values: weakref.WeakSet[JsProxy] = weakref.WeakSet()
        for value in values if isinstance(values, Iterable) else ():
            self.add(value)

    def add(self, value: object) -> WeakSet:
        if not isinstance(value, JsProxy):
            raise type_error(f"Invalid value used in weak set: {js_string(value)}")
        self._values.add(value)
        return self

    def has(self, value: object) -> bool:
        return isinstance(value, JsProxy) and value in self._values

    def delete(self, value: object) -> bool:
        if not self.has(value):
            return False
        self._values.discard(value)  # type: ignore[arg-type]  # `has` says that it is an object
        return True


class WeakRef(JsProxy, metaclass=JsClass):
    """One object, for as long as it lives."""

    def __init__(self, target: object) -> None:
        if not isinstance(target, JsProxy):
            raise type_error("WeakRef: target must be an object")
        self._target = weakref.ref(target)

    def deref(self) -> object:
        """The object; undefined once it is gone."""
        return self._target()
