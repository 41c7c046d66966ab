"""Headers."""

from __future__ import annotations

from typing import Any

import pytest

from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.map import JsMap
from paddock.worker.isolate.web.objects import JsObject, jsnull


@pytest.mark.parametrize(
    "source",
    [
        {"A": "b"}.items(),
        [["A", "b"]],
        JsObject({"A": "b"}),
        {"A": "b"},
        Headers.new([["a", "b"]]),
        JsMap.new([["A", "b"]]),
    ],
)
def test_every_source(source: object) -> None:
    """PW-106."""
    assert Headers.new(source).header_pairs() == [("a", "b")]


def test_values_join_except_set_cookie() -> None:
    """PW-074, PW-075."""
    headers = Headers.new([["X", "1"], ["x", "2"], ["Set-Cookie", "a"], ["set-cookie", "b"]])
    assert headers.get("x") == "1, 2"
    assert headers.header_pairs() == [("set-cookie", "a"), ("set-cookie", "b"), ("x", "1, 2")]
    assert list(headers.getSetCookie()) == ["a", "b"]


def test_values_are_texts_without_outer_space() -> None:
    """PW-073."""
    headers = Headers.new({"n": 123, "t": True, "u": None, "s": " x\t"}.items())
    assert headers.header_pairs() == [("n", "123"), ("s", "x"), ("t", "true"), ("u", "undefined")]


def test_lookup_ignores_case_and_missing_is_null() -> None:
    headers = Headers.new([["Content-Type", "a"]])
    assert (headers["CONTENT-type"], "content-TYPE" in headers, headers.get("x")) == ("a", True, jsnull)


def test_set_replaces_and_delete_removes() -> None:
    headers = Headers.new([["a", "1"], ["A", "2"]])
    headers.set("a", "3")
    assert [tuple(pair) for pair in headers] == [("a", "3")]
    headers.delete("A")
    assert not headers.has("a")


@pytest.mark.parametrize(("name", "value"), [("", "x"), ("a b", "x"), ("ä", "x"), ("a", "x\ny"), ("a", "x\0")])
def test_invalid_names_and_values(name: str, value: str) -> None:
    with pytest.raises(JsException, match="TypeError: Invalid header"):
        Headers.new([[name, value]])


def test_headers_from_the_wire_cannot_be_changed() -> None:
    headers = Headers.from_pairs([("A", "1")], is_immutable=True)
    for change in (headers.set, headers.append):
        with pytest.raises(JsException, match="immutable"):
            change("b", "2")
    assert Headers.new(headers).set("b", "2") is None  # type: ignore[func-returns-value]  # a copy may change


def test_arguments_that_a_method_does_not_have_are_ignored() -> None:
    """As JavaScript does: there is no default. A Map's `get`, which Pyodide has made Python's, has one."""
    headers = Headers.new({"a": "b"})
    lenient: Any = headers.get
    assert [lenient("a", "c"), lenient("x", "c"), lenient("x", default="c")] == ["b", jsnull, jsnull]
    found: Any = JsMap.new([["a", "b"]])
    assert [found.get("a", "c"), found.get("x", "c"), found.get("x", default="c")] == ["b", "c", "c"]
