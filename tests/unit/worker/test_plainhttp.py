"""Plain http at a port of https: real sockets, hypercorn's own parts, and an app of three lines."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypercorn.asyncio import serve

from paddock.worker.certificate import own_certificate
from paddock.worker.listener import listen
from paddock.worker.serving import serving_config

UPGRADE = (
    b"upgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
REFUSAL = b"This port speaks https, and the request came over plain http. Ask for https://shop:1/a?b=c instead.\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["http_version"].encode()})


@asynccontextmanager
async def secured(folder: Path) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """The port of a server that speaks https, and a context that believes it."""
    (sock,) = listen("127.0.0.1", 0, is_fixed=True)
    port, stop = sock.getsockname()[1], asyncio.Event()
    certificate = own_certificate(folder, datetime.datetime.now(datetime.UTC))
    config = serving_config([sock], certificate)
    config.graceful_timeout = 0.05
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(hello, config, shutdown_trigger=stop.wait))
        yield port, ssl.create_default_context(cafile=str(certificate.certificate))
        stop.set()


async def say(port: int, *pieces: bytes) -> bytes:
    """What comes back for these, which the server gets one by one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"GET /a?b=c HTTP/1.1\r\nhost: shop:1\r\n\r\n"], id="GET"),
        pytest.param([b"G", b"ET /a?b=c HTTP/1.1\r\nhost: shop:1\r\n\r\n"], id="in pieces"),
        pytest.param([b"POST /a?b=c HTTP/1.1\r\nhost: shop:1\r\ncontent-length: 3\r\n\r\n", b"abc"], id="POST"),
        pytest.param([b"PROPFIND /a?b=c HTTP/1.0\r\nhost: shop:1\r\n\r\n"], id="HTTP/1.0"),
        pytest.param([b"GET /a?b=c HTTP/1.1\r\nhost: shop:1\r\n", UPGRADE], id="WebSocket"),
    ],
)
def test_a_plain_request_is_told_where_to_ask(tmp_path: Path, pieces: list[bytes]) -> None:
    async def main() -> bytes:
        async with secured(tmp_path) as (port, _):
            return await say(port, *pieces)

    head, _, body = asyncio.run(main()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert REFUSAL in body


def test_a_host_that_is_none_is_not_repeated(tmp_path: Path) -> None:
    async def main() -> bytes:
        async with secured(tmp_path) as (port, _):
            return await say(port, b"GET / HTTP/1.1\r\nhost: <b>\r\n\r\n")

    said = asyncio.run(main())
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"speaks https" in said and b"<b>" not in said


@pytest.mark.parametrize(("http2", "version"), [(False, "1.1"), (True, "2")])
def test_https_is_answered_as_ever(tmp_path: Path, http2: bool, version: str) -> None:
    async def main() -> str:
        async with (
            secured(tmp_path) as (port, context),
            httpx.AsyncClient(verify=context, http2=http2, trust_env=False) as client,
        ):
            return (await client.get(f"https://localhost:{port}/")).text

    assert asyncio.run(main()) == version


@pytest.mark.parametrize("begin", [b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01", b"\n\nGET / HTTP/1.1\r\n\r\n", b""])
def test_what_is_neither_gets_no_answer_in_http(tmp_path: Path, begin: bytes) -> None:
    async def main() -> bytes:
        async with secured(tmp_path) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begin)
            writer.write_eof()
            try:
                return await reader.read()
            finally:
                writer.close()

    assert b"HTTP" not in asyncio.run(main())


def test_a_client_that_says_half_a_request_and_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    async def main() -> bytes:
        async with secured(tmp_path) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HT")
            writer.write_eof()
            try:
                return await reader.read()
            finally:
                writer.close()

    assert asyncio.run(main()) == b""
