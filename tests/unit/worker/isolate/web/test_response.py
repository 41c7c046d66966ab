"""Responses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.buffers import ArrayBuffer, DataView, uint8_array
from paddock.worker.isolate.web.convert import FROM_ENTRIES, to_js
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.formdata import FormData
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.objects import JsObject, jsnull
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.url import URLSearchParams


def _get(promise: Any) -> Any:  # results of every type
    async def main() -> Any:
        return await promise

    return asyncio.run(main())


@pytest.mark.parametrize(
    "init",
    [
        JsObject({"status": 201, "headers": JsObject({"a": "b"})}),
        to_js({"status": 201, "headers": {"a": "b"}}, dict_converter=FROM_ENTRIES),
        {"status": 201, "headers": {"a": "b"}},
        {"status": "201", "headers": [["a", "b"]]},
    ],
)
def test_init_in_every_form(init: object) -> None:
    """PW-107, PW-108."""
    response = Response.new(None, init)
    assert (response.status, response.statusText, response.header_pairs()) == (201, "Created", [("a", "b")])


def test_keywords_are_the_init() -> None:
    """PW-106."""
    response = Response.new("x", status=404, headers=Headers.new({"a": "b"}.items()))
    assert (response.status, response.ok, response.headers.get("a")) == (404, False, "b")


@pytest.mark.parametrize(
    ("body", "content_type", "data"),
    [
        ("é", "text/plain;charset=UTF-8", "é".encode()),
        (uint8_array(b"ab"), None, b"ab"),
        (ArrayBuffer.over(b"ab"), None, b"ab"),
        (DataView.new(ArrayBuffer.over(b"abc"), 1), None, b"bc"),
        (Blob.new(["ab"], type="Text/X"), "text/x", b"ab"),
        (Blob.new(["ab"]), None, b"ab"),
        (URLSearchParams.new("a=b c"), "application/x-www-form-urlencoded;charset=UTF-8", b"a=b+c"),
        ({"a": 1}, "text/plain;charset=UTF-8", b"{'a': 1}"),
        (5, "text/plain;charset=UTF-8", b"5"),
    ],
)
def test_body_kinds(body: object, content_type: str | None, data: bytes) -> None:
    """PW-065, PW-066, PW-089, PW-090."""
    response = Response.new(body)
    assert (response.headers.get("content-type") or None, response.payload()) == (content_type, data)


def test_buffers_are_copied_when_the_response_is_made() -> None:
    array = uint8_array(bytearray(b"ab"))
    response = Response.new(array)
    array[0] = 0
    assert response.payload() == b"ab"


def test_form_body_is_multipart() -> None:
    """PW-088."""
    form = FormData.new()
    form.append('na"me', "v\r\nw")
    form.append("f", Blob.new(["data"], type="a/b"), "ü.txt")
    response = Response.new(form)
    kind, _, boundary = str(response.headers.get("content-type")).partition("; boundary=")
    assert (kind, len(boundary)) == ("multipart/form-data", 32)
    parsed: FormData = _get(response.formData())
    file: Any = parsed.get("f")
    assert (parsed.get('na"me'), file.name, file.type, file.size) == ("v\r\nw", "ü.txt", "a/b", 4)


def test_explicit_content_type_wins() -> None:
    assert Response.new("x", headers={"Content-Type": "a/b"}).headers.get("content-type") == "a/b"


@pytest.mark.parametrize("status", [199, 600, 0, -1, "x", float("inf")])
def test_status_range(status: object) -> None:
    """PW-070."""
    with pytest.raises(JsException, match=r"RangeError: .* 200 to 599"):
        Response.new("x", status=status)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_null_body_statuses(status: int) -> None:
    """PW-067, PW-068."""
    assert Response.new(None, status=status).payload() is None
    assert Response.new("", status=status).payload() is None
    with pytest.raises(JsException, match="TypeError: Response with null body status"):
        Response.new("x", status=status)


def test_status_text_without_control_characters() -> None:
    assert Response.new(None, statusText="Fine").statusText == "Fine"
    with pytest.raises(JsException, match="statusText"):
        Response.new(None, statusText="a\nb")


def test_json_of_the_class_and_of_an_instance() -> None:
    """PW-080."""
    response = Response.json(JsObject({"a": [1]}), status=201, headers={"b": "c"})
    assert (response.status, response.header_pairs()) == (201, [("b", "c"), ("content-type", "application/json")])
    assert _get(response.json()).a[0] == 1
    assert _get(Response.json(None).text()) == "undefined"


def test_redirect() -> None:
    """PW-082, PW-083."""
    response = Response.redirect("https://example.com")
    assert (response.status, response.headers.get("location")) == (302, "https://example.com/")
    with pytest.raises(JsException, match="RangeError"):
        Response.redirect("https://example.com", 200)


def test_used_or_locked_streams_are_refused() -> None:
    stream = ReadableStream.of_bytes(b"x")
    stream.getReader()
    with pytest.raises(JsException, match="locked"):
        Response.new(stream)
    with pytest.raises(JsException, match="disturbed"):
        Response.new(_get_read_stream())


def _get_read_stream() -> ReadableStream:
    async def main() -> ReadableStream:
        stream = ReadableStream.of_bytes(b"x")
        await Response.new(stream).text()
        stream._reader = None
        return stream

    return asyncio.run(main())


def test_received_response() -> None:
    response = Response.from_parts(404, "", [("A", "b")], b"x", "https://a.test/", redirected=True)
    assert (response.status, response.url, response.redirected, response.type) == (
        404,
        "https://a.test/",
        True,
        "default",
    )
    with pytest.raises(JsException, match="immutable"):
        response.headers.set("a", "c")
    assert Response.new("y", response).headers.set("a", "c") is None  # type: ignore[func-returns-value]  # a copy may change


def test_clone_and_null_members() -> None:
    response = Response.new("x", status=201)
    copy = response.clone()
    assert (copy.status, _get(copy.text()), _get(response.text())) == (201, "x", "x")
    assert (Response.new().body, response.webSocket) == (jsnull, jsnull)
