"""`js.Object`: the constructor of plain objects and its functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.convert import FROM_ENTRIES
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.jsonvalue import own_members
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Object"]


class _ObjectConstructor(JsProxy):
    """May be called with or without `new`."""

    _js_name = "Function"
    name = "Object"
    #: A value and not a method, so that `to_js` can recognise it as `dict_converter`.
    fromEntries = FROM_ENTRIES

    def new(self, value: object = None, **members: object) -> object:
        """A new plain object; an object given is returned as it is."""
        return value if isinstance(value, JsProxy) else JsObject(members)

    __call__ = new

    def keys(self, value: object) -> JsArray:
        return JsArray(_members(value))

    def values(self, value: object) -> JsArray:
        return JsArray(_members(value).values())

    def entries(self, value: object) -> JsArray:
        return JsArray(JsArray(entry) for entry in _members(value).items())

    def assign(self, target: object, *sources: object) -> object:
        """Copy the members of objects into the first one."""
        for source in sources:
            for name, value in ({} if is_nullish(source) else _members(source)).items():
                if isinstance(target, JsObject):
                    target._put(name, value)
                else:
                    setattr(target, name, value)
        return target

    def create(self, prototype: object = None) -> JsObject:
        """A new object. Raises where it would inherit: objects have no prototypes here."""
        if not is_nullish(prototype):
            raise type_error("Object.create: a prototype other than null is not available in Paddock")
        return JsObject()

    def getOwnPropertyNames(self, value: object) -> JsArray:
        names = list(_members(value))
        return JsArray([*names, "length"] if isinstance(value, JsArray | list | tuple | str) else names)

    def groupBy(self, items: object, callback: Callable[..., object]) -> JsObject:
        """An object with an array of items for each name that the callback gives them."""
        groups = JsObject()
        for index, item in enumerate(cast("Iterable[object]", items)):
            name = js_string(callback(item, index))
            if name not in groups._members():
                groups._put(name, JsArray())
            cast("JsArray", groups._members()[name]).push(item)
        return groups

    def is_(self, left: object, right: object) -> bool:
        """Whether two values are the same; NaN is the same as NaN."""
        if isinstance(left, int | float) and isinstance(right, int | float) and left != left:
            return right != right
        return left is right if isinstance(left, JsProxy) else type(left) is type(right) and left == right

    def hasOwn(self, value: object, name: str) -> bool:
        return name in _members(value)

    def toString(self) -> str:
        return "function Object() { [native code] }"


#: The name that handlers import.
Object: Final = _ObjectConstructor()


def _members(value: object) -> Mapping[str, object]:
    if is_nullish(value):
        raise type_error("Cannot convert undefined or null to object")
    if isinstance(value, JsArray | list | tuple | str):
        return {str(index): item for index, item in enumerate(value)}
    return own_members(value) if isinstance(value, JsProxy | Mapping) else {}
