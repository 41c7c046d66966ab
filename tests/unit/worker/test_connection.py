"""Connections between hypercorn and its clients: real sockets, hypercorn's own parts, and an app of three lines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import RawData
from hypercorn.typing import ConnectionState

from paddock.worker.connection import HttpConnection
from paddock.worker.http import ClientGone
from paddock.worker.listener import listen
from paddock.worker.serving import serving_config

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def connected(keep_alive_s: float = 75.0, app: Any = hello) -> AsyncIterator[tuple[Streams, asyncio.Event]]:
    """A client's connection, and what ends the server."""
    (sock,) = listen("127.0.0.1", 0, is_fixed=True)
    port, stop = sock.getsockname()[1], asyncio.Event()
    config = serving_config([sock])
    config.keep_alive_timeout = keep_alive_s
    config.graceful_timeout = 0.05
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(app, config, shutdown_trigger=stop.wait))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield (reader, writer), stop
        writer.close()
        stop.set()


async def ask(streams: Streams) -> bytes:
    reader, writer = streams
    writer.write(REQUEST)
    return await reader.readuntil(b"hello")


def test_a_connection_ends_with_its_client() -> None:
    async def main() -> bytes:
        async with connected() as (streams, _):
            await ask(streams)
            streams[1].write_eof()
            return await streams[0].read()

    assert asyncio.run(main()) == b""


def test_an_idle_connection_ends_after_its_time() -> None:
    async def main() -> bytes:
        async with connected(keep_alive_s=0.05) as (streams, _):
            await ask(streams)
            return await streams[0].read()

    assert asyncio.run(main()) == b""


def test_an_idle_connection_ends_with_the_server() -> None:
    async def main() -> bytes:
        async with connected() as (streams, stop):
            await ask(streams)
            stop.set()
            return await streams[0].read()

    assert asyncio.run(main()) == b""


@pytest.mark.parametrize("headers", [[(b"content-length", b"5")], []], ids=["known length", "chunked"])
def test_a_head_leaves_with_the_first_of_its_body(headers: list[tuple[bytes, bytes]]) -> None:
    async def app(scope: Any, receive: Any, send: Any, *_: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def main() -> list[bytes]:
        sent: list[bytes] = []

        async def take(event: Any) -> None:
            if isinstance(event, RawData):
                sent.append(event.data)

        async with asyncio.timeout(10), TaskGroup(asyncio.get_running_loop()) as tasks:
            details = (tasks, ConnectionState({}), False, None, None, take)
            await HttpConnection(app, Config(), WorkerContext(None), *details).handle(RawData(REQUEST))
        return sent

    first = asyncio.run(main())[0]
    assert first.startswith(b"HTTP/1.1 200")
    assert b"hello" in first


def test_an_app_that_sends_to_nobody_is_told_so_whatever_still_waits_for_it() -> None:
    """The rest of the request fills the app's queue, in which there is no room for the end of the connection."""
    said, gone = asyncio.Event(), asyncio.Event()
    ends: list[BaseException] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await gone.wait()
        try:
            while True:
                await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
        except ConnectionError as error:
            ends.append(error)
        said.set()

    async def main() -> None:
        async with connected(app=app) as ((_, writer), _):
            writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8000000\r\n\r\n" + bytes(4_000_000))
            writer.transport.set_write_buffer_limits(3_000_000, 2_999_999)
            await writer.drain()
            writer.transport.abort()
            gone.set()
            await said.wait()

    asyncio.run(main())
    assert isinstance(ends[0], ClientGone)


def test_a_connection_that_the_end_of_the_server_cuts_off_is_no_defect() -> None:
    """Python 3.11 logs the traceback of every connection that is cancelled."""
    defects: list[dict[str, Any]] = []
    begun = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            begun.set()
            await asyncio.Event().wait()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: defects.append(context))
        async with connected(app=app) as ((reader, writer), stop):
            writer.write(REQUEST)
            await begun.wait()
            stop.set()
            await reader.read()

    asyncio.run(main())
    assert not defects


def test_a_head_that_nothing_follows_leaves_alone() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await receive()  # the end of the request, and behind it the end of the connection
            await receive()

    async def main() -> bytes:
        async with connected(app=app) as ((reader, writer), _):
            writer.write(REQUEST)
            return await reader.readuntil(b"\r\n\r\n")

    assert asyncio.run(main()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("status", "line"), [(200, b"HTTP/1.1 200 OK"), (404, b"HTTP/1.1 404 Not Found"), (599, b"HTTP/1.1 599 ")]
)
def test_a_status_has_its_name(status: int, line: bytes) -> None:
    """As in production, and as programs show it that print status lines."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": status, "headers": [(b"x", b" ")]})
            await send({"type": "http.response.body", "body": b""})

    async def main() -> bytes:
        async with connected(app=app) as ((reader, writer), _):
            writer.write(REQUEST)
            return await reader.readuntil(b"\r\n\r\n")

    assert asyncio.run(main()).split(b"\r\n")[0] == line
