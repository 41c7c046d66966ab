"""Deep conversion between Python and JavaScript values: `to_js` and `to_py`.

Source: Pyodide, "Type conversions", `to_js`, `JsProxy.to_py`; PW-110 to PW-114.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.boxed import Boxed
from paddock.worker.isolate.web.buffers import JsBuffer, typed_array
from paddock.worker.isolate.web.classes import JsFunction
from paddock.worker.isolate.web.literalmap import LiteralMap
from paddock.worker.isolate.web.map import JsMap, JsSet, pairs
from paddock.worker.isolate.web.objects import JsObject, JsProxy, Unwrapped, crossing, jsnull
from paddock.worker.isolate.web.proxies import create_proxy
from paddock.worker.isolate.web.text import js_string

__all__ = ["FROM_ENTRIES", "ConversionError", "to_js", "to_py"]

_Converter: TypeAlias = Callable[..., object]
_PRIMITIVES: Final = (str, int, float, bool, type(None), type(jsnull), JsProxy)


class ConversionError(Exception):
    """A Python object that has no JavaScript counterpart met `create_pyproxies=False`."""


def _from_entries(entries: object) -> JsObject:
    """A plain object made of an iterable of pairs."""
    return JsObject({js_string(name): value for name, value in pairs(entries)})


#: `Object.fromEntries`: what handlers hand to `to_js` as `dict_converter`.
FROM_ENTRIES: Final = JsFunction(_from_entries, "fromEntries")


def to_js(
    obj: object,
    /,
    *,
    depth: int = -1,
    pyproxies: JsArray | None = None,
    create_pyproxies: bool = True,
    dict_converter: _Converter | None = None,
    default_converter: _Converter | None = None,
    eager_converter: _Converter | None = None,
) -> object:
    """A deep copy in JavaScript's types.

    list and tuple become Array, set becomes Set, buffers become typed arrays, dict becomes what `dict_converter` makes
    of its entries (without one: Object, in older eras Map). `default_converter(value, convert, cache)` is asked about
    everything else, `eager_converter` about everything. What stays Python is passed as a proxy, which reads back as the
    object itself, and which `pyproxies` has, so that it can be destroyed. An object that stays Python as a whole comes
    back as a proxy made by `create_proxy`. Raises ConversionError for what stays Python without `create_pyproxies`, and
    for keys and members of sets that JavaScript would tell apart by identity.
    """
    converted = _ToJs(pyproxies, create_pyproxies, dict_converter, default_converter, eager_converter).convert(
        obj, depth
    )
    if isinstance(converted, _PRIMITIVES):
        return create_proxy(converted.unwrap()) if isinstance(converted, Unwrapped) else converted
    return create_proxy(converted)


class _ToJs:
    """One call of `to_js`."""

    def __init__(
        self,
        pyproxies: JsArray | None,
        may_stay: bool,
        dict_converter: _Converter | None,
        default_converter: _Converter | None,
        eager_converter: _Converter | None,
    ) -> None:
        self._pyproxies = pyproxies
        self._may_stay = may_stay
        self._dict_converter = dict_converter
        self._default_converter = default_converter
        self._eager_converter = eager_converter
        #: Converted containers by identity, with the original: an id is only good while its object lives.
        self._seen: dict[int, tuple[object, object]] = {}

    def convert(self, value: object, depth: int) -> object:
        if self._eager_converter is not None:
            return self._eager_converter(value, lambda inner: self._lazily(inner, depth), self._remember)
        return self._lazily(value, depth)

    def _lazily(self, value: object, depth: int) -> object:
        if isinstance(value, _PRIMITIVES):
            return value
        if id(value) in self._seen:
            return self._seen[id(value)][1]
        if depth == 0:
            return self._stays(value)
        match value:
            case list() | tuple():
                array = JsArray()
                self._remember(value, array)
                array._items.extend(self.convert(item, depth - 1) for item in value)
                return array
            case dict():
                return self._dict(value, depth - 1)
            case set() | frozenset():
                made = JsSet.new()
                self._remember(value, made)
                for item in value:
                    made.add(self.convert(_checked_key(item, "Set"), depth - 1))
                return made
        return self._other(value, depth)

    def _dict(self, value: dict[object, object], depth: int) -> object:
        if self._dict_converter is FROM_ENTRIES or (
            self._dict_converter is None and not era.current().dicts_become_maps
        ):
            made = JsObject()
            self._remember(value, made)
            for name, member in value.items():
                # Not setattr: a JavaScript name is taken literally here, `from_` included.
                made._put(js_string(_checked_key(name, "Map")), self.convert(member, depth))
            return made
        if self._dict_converter is None:
            entries = LiteralMap.new()
            self._remember(value, entries)
            for key, member in value.items():
                entries.set(_checked_key(key, "Map"), self.convert(member, depth))
            return entries
        return self._dict_converter(
            JsArray(JsArray((_checked_key(key, "Map"), self.convert(member, depth))) for key, member in value.items())
        )

    def _other(self, value: object, depth: int) -> object:
        try:
            return typed_array(memoryview(value))  # type: ignore[arg-type]  # asks whether it is a buffer
        except TypeError:
            pass
        if self._default_converter is not None:
            return self._default_converter(value, lambda inner: self.convert(inner, depth - 1), self._remember)
        return self._stays(value)

    def _stays(self, value: object) -> object:
        if not self._may_stay:
            raise ConversionError(f"No conversion known for {value!r}")
        if self._pyproxies is None:
            return value
        proxy = create_proxy(value, roundtrip=False)
        self._pyproxies.push(proxy)
        return proxy

    def _remember(self, value: object, converted: object) -> None:
        self._seen[id(value)] = (value, converted)


def _checked_key(key: object, kind: str) -> object:
    """A key of a map, or a member of a set: one of JavaScript's primitive values."""
    if isinstance(key, _PRIMITIVES):
        return key
    raise ConversionError(f"Cannot use {key!r} as a key for a Javascript {kind}")


def to_py(value: object, *, depth: int = -1, default_converter: _Converter | None = None) -> object:
    """A deep copy in Python's types: Array to list, plain Object and Map to dict, Set to set, buffer to memoryview.

    Instances of other classes come back as they are, or as what `default_converter(value, convert, cache)` returns.
    """
    return _ToPy(default_converter).convert(value, depth)


class _ToPy:
    """One call of `to_py`."""

    def __init__(self, default_converter: _Converter | None) -> None:
        self._default_converter = default_converter
        self._seen: dict[int, tuple[object, object]] = {}

    def convert(self, value: object, depth: int) -> object:
        if not isinstance(value, JsProxy) or depth == 0:
            return crossing(value)
        if id(value) in self._seen:
            return self._seen[id(value)][1]
        match value:
            case JsArray():
                items: list[object] = []
                self._remember(value, items)
                items.extend(self.convert(item, depth - 1) for item in value)
                return items
            case JsObject():
                return self._dict(value, value._members().items(), depth)
            case JsMap():
                return self._dict(value, value.items(), depth)
            case JsSet():
                return {_python_key(self.convert(item, depth - 1)) for item in value}
            case JsBuffer():
                return value.to_memoryview()
            case Boxed():
                return value.valueOf()
        if self._default_converter is not None:
            return self._default_converter(value, lambda inner: self.convert(inner, depth - 1), self._remember)
        return value

    def _dict(self, value: JsProxy, entries: Iterable[tuple[object, object]], depth: int) -> dict[object, object]:
        made: dict[object, object] = {}
        self._remember(value, made)
        made.update(
            (_python_key(self.convert(key, depth - 1)), self.convert(member, depth - 1)) for key, member in entries
        )
        return made

    def _remember(self, value: object, converted: object) -> None:
        self._seen[id(value)] = (value, converted)


def _python_key(key: object) -> object:
    """A key of a dict, or a member of a set."""
    try:
        hash(key)
    except TypeError as error:
        raise ConversionError(f"Cannot use {key!r} as a key for a Python dict or a member of a Python set") from error
    return key
