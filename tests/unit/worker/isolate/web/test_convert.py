"""to_js and to_py."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.buffers import TYPED_ARRAYS
from paddock.worker.isolate.web.convert import FROM_ENTRIES, ConversionError, to_js
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.jsonvalue import parse, stringify
from paddock.worker.isolate.web.map import JsMap, JsSet
from paddock.worker.isolate.web.objects import JsObject, jsnull

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def old_era() -> Iterator[None]:
    """The runtime of 2025: null is None, dicts become maps."""
    era.select(era.Era(null_is_none=True, dicts_become_maps=True, pyodide_version="0.26.0a2"))
    yield
    era.select(era.NEWEST)


def _js(value: object, **options: Any) -> Any:  # tests look at members
    return to_js(value, **options)


def test_dict_with_from_entries_is_an_object() -> None:
    """PW-110."""
    assert _js({"a": {"b": [1]}}, dict_converter=FROM_ENTRIES).a.b[0] == 1


def test_dict_without_converter_is_an_object_today() -> None:
    """PW-111."""
    assert isinstance(_js({"a": 1}), JsObject)


def test_dict_without_converter_was_a_map(old_era: None) -> None:
    """PW-111."""
    assert isinstance(_js({"a": 1}), JsMap)


def test_the_text_keys_of_such_a_map_are_members(old_era: None) -> None:
    """Source: Pyodide 0.26, LiteralMap; workerd's Python tests read `env` from one."""
    made = _js({"a": {"from": 1}, 2: "two"})
    made.a.b = [3]
    assert (made.constructor.name, made.a.from_, made[2]) == ("LiteralMap", 1, "two")
    assert stringify(made) == '{"a":{"from":1,"b":[3]}}'
    with pytest.raises(AttributeError, match="missing"):
        made.missing  # noqa: B018 - read for what it raises


def test_dict_converter_of_the_handler_gets_entries() -> None:
    """What it returns is Python's, so it is a proxy."""
    assert _js({"a": 1}, dict_converter=lambda entries: [list(entry) for entry in entries]).unwrap() == [["a", 1]]


def test_containers_and_buffers() -> None:
    converted = _js([(1,), {2}, b"ab", array.array("d", [1.5])])
    assert [value.constructor.name for value in converted] == ["Array", "Set", "Uint8Array", "Float64Array"]
    assert converted[2].to_bytes() == b"ab"


def test_typed_array_of_converted_bytes() -> None:
    """PW-118."""
    assert TYPED_ARRAYS["Uint8Array"].new(to_js(b"ab")).to_bytes() == b"ab"


def test_primitives_and_proxies_are_unchanged() -> None:
    headers = Headers.new()
    assert [to_js(value) for value in (1, "a", None, True, headers)] == [1, "a", None, True, headers]
    assert to_js(jsnull) is jsnull


def test_cycles_are_kept() -> None:
    cyclic: list[object] = []
    cyclic.append(cyclic)
    converted = _js(cyclic)
    assert converted[0] is converted


def test_default_converter_is_asked_about_the_rest() -> None:
    converted = _js([object()], default_converter=lambda value, convert, cache: convert(["x"]))
    assert converted[0][0] == "x"


def test_eager_converter_is_asked_about_everything() -> None:
    def eager(value: object, convert: Any, cache: object) -> object:
        return "other" if value == "x" else convert(value)

    assert _js(["x"], eager_converter=eager)[0] == "other"


def test_unconvertible_objects_stay_or_raise() -> None:
    thing = object()
    assert _js([thing])[0] is thing
    with pytest.raises(ConversionError):
        to_js(thing, create_pyproxies=False)


def test_to_py_is_deep_and_leaves_instances() -> None:
    """PW-112."""
    headers = Headers.new()
    value = JsObject({"a": JsArray([JsMap.new([["k", 1]]), JsSet.new([1]), jsnull]), "h": headers})
    assert value.to_py() == {"a": [{"k": 1}, {1}, jsnull], "h": headers}


def test_to_py_depth_and_default_converter() -> None:
    inner = JsArray()
    assert JsArray([inner]).to_py(depth=1) == [inner]
    assert JsArray([Headers.new()]).to_py(default_converter=lambda value, *_: "h") == ["h"]


def test_buffers_become_memoryviews() -> None:
    assert isinstance(view := _js(b"ab").to_py(), memoryview)
    assert bytes(view) == b"ab"


def test_null_is_none_in_the_old_era_and_still_written(old_era: None) -> None:
    value: Any = parse('{"a": null, "b": [null]}')
    assert (value.a, value.b[0], value.to_py()) == (None, None, {"a": None, "b": [None]})
    assert stringify(value) == '{"a":null,"b":[null]}'
    assert Headers.new().get("x") is None


@pytest.mark.parametrize("value", [{(1, 2): 3}, {frozenset([1]), 2}])
def test_keys_are_primitives(value: object) -> None:
    """JavaScript would tell other keys apart by identity."""
    with pytest.raises(ConversionError, match=r"Cannot use .* as a key for a Javascript (Map|Set)"):
        to_js(value)


def test_depth_of_to_js() -> None:
    inner = [1]
    converted = _js([inner], depth=1)
    assert converted[0] is inner
    assert _js(inner, depth=0).unwrap() is inner


def test_keys_of_dicts_are_hashable() -> None:
    with pytest.raises(ConversionError, match="as a key for a Python dict"):
        JsMap.new([[JsArray(), 1]]).to_py()


def test_json_view_is_deep_and_no_copy() -> None:
    value: Any = parse('{"list": [{"a": {"b": 1}}, null], "x": 1}')
    view = value.as_py_json()
    view["list"][0]["a"]["b"] = 2
    assert (value.list[0].a.b, [type(item).__name__ for item in view["list"]]) == (2, ["ObjectMap", "JsNull"])
    assert next(iter(view["list"][:1]))["a"]["b"] == 2
