"""The JavaScript object model in Python."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.convert import to_js
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.objectclass import Object
from paddock.worker.isolate.web.objects import JsNull, JsObject, JsProxy, jsnull, read
from paddock.worker.isolate.web.response import Response


def test_plain_object_has_attributes_but_no_subscripts() -> None:
    """PW-110."""
    made = JsObject({"a": 1})
    assert made.a == 1
    with pytest.raises(TypeError, match="not subscriptable"):
        made["a"]  # type: ignore[index]  # what is tested


def test_object_filled_by_assignment() -> None:
    """PW-108."""
    init = Object.new()
    init.status = 201  # type: ignore[attr-defined]  # a plain object takes any member
    assert list(init.object_keys()) == ["status"]  # type: ignore[attr-defined]  # a plain object
    del init.status  # type: ignore[attr-defined]  # a plain object
    assert not hasattr(init, "status")


def test_reserved_words_get_an_underscore() -> None:
    made = JsObject({"from": "a", "x_": 1})
    assert (made.from_, made.x_) == ("a", 1)
    made.class_ = 2
    assert list(made.object_keys()) == ["from", "x_", "class"]


def test_names_with_underscores_are_members_too() -> None:
    made = JsObject({"__typename": "A", "_id": 1})
    assert (made.__typename, made._id) == ("A", 1)
    assert not hasattr(made, "__iter__")


def test_missing_member_is_an_attribute_error() -> None:
    assert getattr(JsObject(), "nothing", "default") == "default"
    with pytest.raises(AttributeError, match="nothing"):
        JsObject().nothing  # noqa: B018 # what is tested


def test_index_names_come_first() -> None:
    assert list(JsObject({"b": 0, "10": 0, "9": 0, "a": 0}).object_keys()) == ["9", "10", "b", "a"]


def test_constructor_name_of_values_and_classes() -> None:
    assert [value.constructor.name for value in (JsObject(), JsArray(), Response.new(), Headers.new())] == [  # type: ignore[attr-defined]  # constructors have names
        "Object", "Array", "Response", "Headers",
    ]  # fmt: skip
    response: Any = Response
    assert (response.name, response.typeof, response.constructor.name) == ("Response", "function", "Function")


def test_everything_is_a_proxy() -> None:
    assert all(isinstance(value, JsProxy) for value in (JsObject(), JsArray(), Response.new(), Response, Object))
    assert not isinstance(jsnull, JsProxy)


def test_equality_is_identity() -> None:
    assert JsObject({"a": 1}) != JsObject({"a": 1})
    assert JsObject().js_id != (made := JsObject()).js_id == made.js_id


def test_null_is_one_falsy_value() -> None:
    assert not jsnull
    assert JsNull() is jsnull is copy.deepcopy(jsnull)
    assert repr(jsnull) == "jsnull"


def test_object_map_writes_through() -> None:
    made = JsObject({"a": JsObject({"b": 1})})
    view = made.as_object_map(hereditary=True)
    view["c"] = 2
    assert (view["a"]["b"], made.c, dict(made.as_object_map())["c"]) == (1, 2, 2)  # type: ignore[index]  # a mapping


def test_read_sees_python_dicts_through() -> None:
    assert (read({"a": 1}, "a"), read(JsObject({"a": 1}), "a"), read(None, "a"), read(jsnull, "a")) == (
        1,
        1,
        None,
        None,
    )


def test_assign_keys_and_from_entries() -> None:
    made = Object.assign(JsObject({"a": 1}), JsObject({"b": 2}), None, {"c": 3})
    assert Object.entries(made).to_py() == [["a", 1], ["b", 2], ["c", 3]]
    assert Object.fromEntries(to_js([["a", 1]])).a == 1  # type: ignore[attr-defined]  # a plain object


def test_text_of_values() -> None:
    assert [str(value) for value in (JsObject(), Response.new(), JsArray([1, None, "a"]))] == [
        "[object Object]", "[object Response]", "1,,a",
    ]  # fmt: skip
