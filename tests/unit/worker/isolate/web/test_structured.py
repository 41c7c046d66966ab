"""`structuredClone`."""

from __future__ import annotations

from typing import Any

import pytest

from paddock.worker.isolate.web.abort import EventTarget
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.buffers import TYPED_ARRAYS, ArrayBuffer, uint8_array
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.map import JsMap, JsSet
from paddock.worker.isolate.web.objects import JsObject, jsnull
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.structured import STRUCTURED_CLONE


def _clone(value: object, **options: object) -> Any:
    return STRUCTURED_CLONE(value, **options)


def test_values_are_copied_deeply() -> None:
    inner = JsObject({"text": "a", "nothing": jsnull})
    copy = _clone(JsObject({"list": JsArray([inner]), "date": Date.new(5)}))
    inner.text = "changed"
    assert (copy.list[0].text, copy.list[0].nothing, copy.date.getTime()) == ("a", jsnull, 5)


def test_maps_and_sets_are_copied() -> None:
    copy = _clone(JsArray([JsMap.new([["k", 1]]), JsSet.new([2])]))
    assert (copy[0].get("k"), copy[1].has(2)) == (1, True)


def test_cycles_and_shared_objects_stay_so() -> None:
    shared = JsArray()
    value = JsObject({"a": shared, "b": shared})
    shared.push(value)
    copy = _clone(value)
    assert (copy.a is copy.b, copy.a[0] is copy, copy is value) == (True, True, False)


def test_views_share_their_buffers_copy() -> None:
    buffer = ArrayBuffer.over(bytearray(b"abcd"))
    views = JsArray([TYPED_ARRAYS["Uint8Array"].new(buffer, 1, 2), TYPED_ARRAYS["Uint8Array"].new(buffer)])
    copy = _clone(views)
    copy[1][1] = 0x78
    assert (copy[0].to_bytes(), bytes(buffer._data)) == (b"xc", b"abcd")


def test_errors_keep_name_and_message() -> None:
    copy = _clone(JsException("RangeError", "far"))
    assert (copy.name, copy.message) == ("RangeError", "far")


def test_headers_requests_and_blobs_can_be_cloned() -> None:
    headers = Headers.new({"a": "1"})
    copy = _clone(JsArray([headers, Request.new("https://a.test/"), Blob.new(["x"], type="a/b")]))
    headers.set("a", "2")
    assert (copy[0].get("a"), copy[1].url, copy[2].type) == ("1", "https://a.test/", "a/b")


def test_transferred_buffer_is_empty_afterwards() -> None:
    buffer = ArrayBuffer.over(bytearray(b"ab"))
    copy = _clone(buffer, transfer=JsArray([buffer]))
    assert (copy.to_bytes(), buffer.byteLength, buffer.detached) == (b"ab", 0, True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (EventTarget.new(), 'Could not serialize object of type "EventTarget"'),
        (Headers, "could not be cloned"),
        ({"a": 1}, "it is a Python object; convert it with to_js first"),
    ],
)
def test_what_cannot_be_cloned_is_refused(value: object, text: str) -> None:
    with pytest.raises(JsException, match=f"DataCloneError: .*{text}"):
        _clone(JsArray([value]))


def test_primitives_are_themselves() -> None:
    assert [_clone(value) for value in (1, "a", None, jsnull, True)] == [1, "a", None, jsnull, True]
    assert _clone(uint8_array(b"a")).constructor.name == "Uint8Array"
