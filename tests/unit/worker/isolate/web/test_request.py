"""Requests, and the body they share with responses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paddock.worker.isolate.web.abort import AbortController
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.formdata import FormData
from paddock.worker.isolate.web.objects import JsObject, jsnull
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes
from paddock.worker.isolate.web.url import URL


class _Source:
    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    async def pull(self) -> bytes | None:
        return self.pieces.pop(0) if self.pieces else None

    async def cancel(self, reason: object) -> None:
        self.pieces.clear()


def _get(promise: Any) -> Any:  # results of every type
    async def main() -> Any:
        return await promise

    return asyncio.run(main())


def _read(make: Any) -> Any:  # results of every type
    """Await what `make` returns; it is called inside the loop."""

    async def main() -> Any:
        return await make()

    return asyncio.run(main())


def test_incoming_request() -> None:
    request = Request.from_parts("PURGE", "https://a.test/", [("A", "b")], None, cf={"tls": {"v": 1}})
    assert (request.method, request.url, request.header_pairs(), request.cf.tls.v) == (  # type: ignore[attr-defined]  # a plain object
        "PURGE", "https://a.test/", [("a", "b")], 1,
    )  # fmt: skip
    with pytest.raises(JsException, match="immutable"):
        request.headers.set("a", "c")


def test_url_objects_and_texts_are_normalised() -> None:
    """PW-062."""
    assert Request.new("https://test.com").url == Request.new(URL.new("https://test.com")).url == "https://test.com/"


@pytest.mark.parametrize(
    ("init", "message"),
    [({"body": "x"}, "GET or HEAD"), ({"method": "head", "body": ""}, "GET or HEAD"), ({"method": "NOPE"}, "NOPE"),
     ({"redirect": "error"}, "redirect"), ({"signal": 1}, "AbortSignal"), ({"headers": 1}, "Headers or Sequence")],
)  # fmt: skip
def test_what_production_refuses(init: dict[str, object], message: str) -> None:
    """PW-063."""
    with pytest.raises(JsException, match=f"TypeError: .*{message}"):
        Request.new("https://a.test", init)


def test_relative_url_is_refused() -> None:
    with pytest.raises(JsException, match="Invalid URL"):
        Request.new("/x")


def test_copy_of_a_request_takes_its_body_over() -> None:
    old = Request.new("https://a.test", method="POST", body="x", headers={"a": "b"}, redirect="manual")
    new = Request.new(old, method="PUT")
    assert (new.method, new.redirect, new.payload(), old.bodyUsed) == ("PUT", "manual", b"x", True)
    assert new.headers.get("content-type") == "text/plain;charset=UTF-8"


def test_copied_headers_may_change() -> None:
    new = Request.new(Request.from_parts("GET", "https://a.test/", [("a", "b")], None))
    new.headers.set("a", "c")
    assert new.headers.get("a") == "c"


def test_body_of_pieces_is_read_whole() -> None:
    """PW-006, PW-046."""
    request = Request.from_parts("POST", "https://a.test/", (), _Source(b'{"a":', b"1}"))
    assert _read(request.json).a == 1


def test_byte_order_mark_is_dropped() -> None:
    request = Request.from_parts("POST", "https://a.test/", (), b"\xef\xbb\xbfx\xff")
    assert _get(request.text()) == "x\ufffd"


def test_second_read_is_refused() -> None:
    """PW-047, PW-049."""
    request = Request.from_parts("POST", "https://a.test/", (), b"x")
    used = [request.bodyUsed, _get(request.text()), request.bodyUsed]
    assert used == [False, "x", True]
    with pytest.raises(JsException, match="already been used"):
        _get(request.text())
    with pytest.raises(JsException, match="already been used"):
        request.clone()


@pytest.mark.parametrize("body", [b"ab", _Source(b"a", b"b")])
def test_clone_reads_the_same(body: Any) -> None:
    """PW-048."""
    request = Request.from_parts("POST", "https://a.test/", [("a", "b")], body)

    async def main() -> list[object]:
        copy = request.clone()
        return [await copy.text(), await request.text(), copy.headers.get("a")]

    assert asyncio.run(main()) == ["ab", "ab", "b"]


def test_body_is_null_or_a_stream() -> None:
    """PW-059."""
    assert Request.from_parts("GET", "https://a.test/", (), None).body is jsnull
    request = Request.from_parts("POST", "https://a.test/", (), b"ab")
    stream = request.body
    assert isinstance(stream, ReadableStream) and stream is request.body

    async def main() -> list[bytes]:
        return [piece async for piece in iterate_bytes(stream)]

    assert asyncio.run(main()) == [b"ab"]
    assert request.bodyUsed


def test_locked_body_cannot_be_sent() -> None:
    request = Request.from_parts("POST", "https://a.test/", (), _Source(b"a"))
    request.body.getReader()  # type: ignore[attr-defined]  # a stream
    with pytest.raises(JsException, match="locked"):
        request.payload()


def test_payload_is_bytes_where_they_are_known() -> None:
    source = _Source(b"a")
    assert Request.from_parts("POST", "https://a.test/", (), b"x").payload() == b"x"
    assert isinstance(Request.from_parts("POST", "https://a.test/", (), source).payload(), ReadableStream)
    assert Request.new("https://a.test").payload() is None


def test_forms() -> None:
    """PW-055, PW-058."""
    kind = "application/x-www-form-urlencoded"
    form: FormData = _get(
        Request.new("https://a.test", method="POST", body="a=%C3%A4+b&a", headers={"content-type": kind}).formData()
    )
    assert list(form.getAll("a")) == ["ä b", ""]
    with pytest.raises(JsException, match="Unrecognized Content-Type"):
        _get(Request.new("https://a.test", method="POST", body="x").formData())


def test_signal_is_carried() -> None:
    controller = AbortController.new()
    assert Request.new("https://a.test", JsObject({"signal": controller.signal})).signal is controller.signal
    assert Request.new("https://a.test").signal.aborted is False
