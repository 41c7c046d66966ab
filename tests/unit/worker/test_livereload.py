"""The script in HTML pages: what gets it, and what stays as it is. DT-037 in a session: tests/integration/session."""

import asyncio
import gzip
import zlib
from typing import Any

import pytest

from paddock.worker.guard import Guard
from paddock.worker.livereload import PATH, LiveReload

HTML = (b"content-type", b"text/html; charset=utf-8")
PAGE = b"<h1>hello</h1>"


def ask(
    *pieces: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = (HTML,), method: str = "GET"
) -> Any:
    """What a client gets of a response in these pieces: its headers and its body."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    asyncio.run(LiveReload(app, Guard)({"type": "http", "method": method, "path": "/"}, receive, send))
    return dict(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])


def test_a_page_ends_with_the_script_in_one_piece_or_in_many() -> None:
    for pieces in ((PAGE,), (PAGE[:3], PAGE[3:]), ()):
        _, body = ask(*pieces)
        assert body.startswith(b"".join(pieces) + b"<script>") and body.rstrip().endswith(b"</script>")
        assert PATH.encode() in body


def test_a_stated_length_is_that_of_page_and_script() -> None:
    headers, body = ask(PAGE, headers=(HTML, (b"content-length", b"%d" % len(PAGE))))
    assert int(headers[b"content-length"]) == len(body) > len(PAGE)


def test_a_request_for_the_head_has_the_length_of_the_page_and_no_body() -> None:
    headers, body = ask(headers=(HTML, (b"content-length", b"14")), method="HEAD")
    assert (int(headers[b"content-length"]) > 14, body) == (True, b"")


@pytest.mark.parametrize(("name", "encode"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_a_compressed_page_is_decompressed(name: bytes, encode) -> None:
    packed = encode(PAGE)
    length = (b"content-length", b"%d" % len(packed))
    headers, body = ask(packed[:5], packed[5:], headers=(HTML, (b"content-encoding", name), length))
    assert body.startswith(PAGE + b"<script>")
    assert b"content-encoding" not in headers and b"content-length" not in headers


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, ((b"content-type", b"application/json"),)),
        (200, ((b"content-type", b"text/plain"),)),
        (200, ()),
        (206, (HTML,)),
        (200, ((b"content-type", b"text/html; charset=utf-16"),)),
        (200, (HTML, (b"content-encoding", b"br"))),
    ],
)
def test_everything_else_stays_as_it_is(status: int, headers) -> None:
    assert ask(PAGE, status=status, headers=headers) == (dict(headers), PAGE)


@pytest.mark.parametrize("charset", [b"iso-8859-1", b"no-such-charset", b"windows-1252"])
def test_charsets_with_ascii_in_them_take_the_script(charset: bytes) -> None:
    assert b"<script>" in ask(PAGE, headers=((b"content-type", b"text/html;charset=" + charset),))[1]
