"""Values of RPC on their way to another isolate."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddock.worker.isolate.exports import Exports
from paddock.worker.isolate.rpc import JsRpcStub, crossed
from paddock.worker.isolate.rpcwire import pack, unpack
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.boxed import Boxed, box
from paddock.worker.isolate.web.buffers import TYPED_ARRAYS, ArrayBuffer, DataView, JsBuffer
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.fetch import Fetcher
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.map import JsMap, JsSet
from paddock.worker.isolate.web.objects import JsObject, jsnull

HERE = 7


def no_stub(isolate: int, token: str) -> JsRpcStub:
    raise AssertionError("no function was sent")


def sent(value: object) -> object:
    """The value as another isolate gets it."""
    packed = pack([crossed(value)], Exports(), HERE)
    (arrived,) = unpack(packed.payload, packed.parts, no_stub)
    return arrived


@given(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(jsnull))
def test_plain_values_stay_what_they_are(value: object) -> None:
    assert sent(value) == value
    assert type(sent(value)) is type(value)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_texts_need_not_be_unicode(text: str) -> None:
    assert sent(text) == text


def test_not_a_number_stays_one() -> None:
    value = sent(math.nan)
    assert isinstance(value, float) and math.isnan(value)


@pytest.mark.parametrize("kind", [*TYPED_ARRAYS, "ArrayBuffer", "DataView"])
def test_buffers_keep_their_kind(kind: str) -> None:
    buffer = ArrayBuffer.over(bytearray(range(16)))
    made = {"ArrayBuffer": lambda: buffer, "DataView": lambda: DataView.new(buffer)}
    value = made[kind]() if kind in made else TYPED_ARRAYS[kind].new(buffer)
    arrived = sent(value)
    assert isinstance(arrived, JsBuffer)
    assert (type(arrived), arrived.to_bytes()) == (type(value), bytes(range(16)))


def test_what_stands_in_a_value_twice_or_in_itself_arrives_so() -> None:
    shared, outer = JsObject({"a": 1}), JsArray()
    outer._items += [shared, JsMap.new(), shared, outer]
    outer._items[1].set("key", shared)  # type: ignore[attr-defined]
    arrived = sent(outer)
    assert isinstance(arrived, JsArray)
    first, entries, second, itself = arrived._items
    assert first is second and itself is arrived
    assert isinstance(entries, JsMap) and entries._entries["key"] is first


def test_objects_of_the_platform_arrive_as_their_like() -> None:
    members = sent(JsSet.new([1, "x"]))
    assert isinstance(members, JsSet) and list(members) == [1, "x"]
    date = sent(Date.new(1234))
    assert isinstance(date, Date) and date.getTime() == 1234
    error = sent(JsException("RangeError", "too far"))
    assert isinstance(error, JsException) and (error.name, error.message) == ("RangeError", "too far")
    number = sent(box(5))
    assert isinstance(number, Boxed) and number.valueOf() == 5
    blob = sent(Blob.of(b"data", "text/x"))
    assert isinstance(blob, Blob) and (blob._data, blob.type) == (b"data", "text/x")
    headers = sent(Headers.from_pairs([("set-cookie", "a"), ("set-cookie", "b")]))
    assert isinstance(headers, Headers) and headers.header_pairs() == [("set-cookie", "a"), ("set-cookie", "b")]


def test_a_function_can_be_called_until_it_is_withdrawn() -> None:
    exports, stub = Exports(), JsRpcStub(lambda: 1)
    packed = pack([stub], exports, HERE)
    asked: list[tuple[int, str]] = []
    unpack(packed.payload, packed.parts, lambda *address: asked.append(address) or stub)  # type: ignore[func-returns-value]
    assert asked == [(HERE, packed.tokens[0])]
    assert exports.find(packed.tokens[0]) is stub
    exports.withdraw(packed.tokens)
    with pytest.raises(JsException, match="disposed"):
        exports.find(packed.tokens[0])


def test_functions_of_a_value_that_cannot_be_sent_are_withdrawn() -> None:
    exports = Exports()
    with pytest.raises(JsException, match='an object of type "Fetcher" to another worker'):
        pack([JsRpcStub(lambda: 1), Fetcher("AI")], exports, HERE)
    assert exports._stubs == {}
