"""JSON.parse and JSON.stringify."""

from __future__ import annotations

import json
from typing import Any

import pytest

from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.jsonvalue import JSON, parse, stringify
from paddock.worker.isolate.web.objects import JsObject, jsnull


def _parse(text: str) -> Any:  # tests look at members
    return parse(text)


def test_round_trip_is_compact() -> None:
    """PW-116."""
    value = _parse(json.dumps({"x": {"y": [1, "é", None, True]}}))
    assert value.x.y[1] == "é"
    assert stringify(value) == '{"x":{"y":[1,"é",null,true]}}'


def test_null_and_undefined() -> None:
    """PW-114."""
    assert stringify(JsObject({"a": None, "b": jsnull, "c": len})) == '{"b":null}'
    assert stringify([None, len]) == "[null,null]"
    assert stringify(None) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.0", 1),
        ("1e3", 1000),
        ("1.5", 1.5),
        ("-0", 0),
        ("9007199254740991", 2**53 - 1),
        ("9007199254740993", 2.0**53),
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert (parsed := parse(text)) == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-7, "1e-7"), (0.000001, "0.000001"), (123.456, "123.456"),
     (float("nan"), "null"), (-0.0, "0"), (-1.5e300, "-1.5e+300")],
)  # fmt: skip
def test_number_text(value: float, text: str) -> None:
    assert stringify(value) == text


def test_strings_keep_unicode_and_escape_lone_surrogates() -> None:
    assert stringify('a"\n\ud800ü\x00') == '"a\\"\\n\\ud800ü\\u0000"'


def test_typed_arrays_are_index_maps_and_dates_are_texts() -> None:
    assert stringify(uint8_array(b"ab")) == '{"0":97,"1":98}'
    assert stringify([Date.new(0)]) == '["1970-01-01T00:00:00.000Z"]'


def test_python_containers_read_through() -> None:
    assert stringify({"a": [{"b": (1, 2)}], 3: "c"}) == '{"a":[{"b":[1,2]}],"3":"c"}'


def test_cycles_and_big_integers_are_refused() -> None:
    cyclic: list[object] = []
    cyclic.append(cyclic)
    with pytest.raises(JsException, match="circular"):
        stringify(cyclic)
    with pytest.raises(JsException, match="BigInt"):
        stringify(2**53)


@pytest.mark.parametrize("text", ["", "{", "{x}", "NaN", "[1,]", "1 2"])
def test_malformed_text_is_a_syntax_error(text: str) -> None:
    with pytest.raises(JsException) as caught:
        parse(text)
    assert caught.value.name == "SyntaxError"


def test_indent_replacer_and_reviver() -> None:
    value = _parse('{"a":[1],"b":{}}')
    assert JSON.stringify(value, None, 2) == '{\n  "a": [\n    1\n  ],\n  "b": {}\n}'
    assert JSON.stringify(value, ["a"]) == '{"a":[1]}'
    assert JSON.stringify(value, lambda name, inner: 5 if name == "b" else inner) == '{"a":[1],"b":5}'
    assert stringify(JSON.parse("[1,2]", lambda name, inner: inner * 2 if name else inner)) == "[2,4]"
