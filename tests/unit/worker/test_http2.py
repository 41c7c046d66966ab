"""HTTP/2 between hypercorn and its clients: real sockets, and an app that reads when it is told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from hypercorn.asyncio import serve

from paddock.worker.http import ClientGone
from paddock.worker.listener import listen
from paddock.worker.serving import serving_config

#: What HTTP/2 gives a stream and a connection, unless told otherwise. Source: RFC 9113, 6.9.2.
WINDOW = 65_535


class Client:
    """Speaks HTTP/2, as much of each body as there is room for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self._flush()
        self.answers: dict[int, bytes] = {}
        self._ended: set[int] = set()

    def _flush(self) -> None:
        self._writer.write(self.h2.data_to_send())

    def ask(self, path: str, method: str = "GET") -> int:
        """Send the head of a request, which for GET is all of it."""
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":authority", "a"), (":scheme", "http")]
        self.h2.send_headers(stream, head, end_stream=method == "GET")
        self._flush()
        return stream

    async def send(self, stream: int, size: int, *, piece: int = 16_000, pad: int = 0) -> None:
        """Send so much of a body, as room is given, in pieces of this size with some padding."""
        while size:
            room = min(size, self.h2.local_flow_control_window(stream) - pad - 1, piece)
            if room <= 0:
                await self._read()
                continue
            self.h2.send_data(stream, bytes(room), pad_length=pad or None)
            self._flush()
            size -= room

    def end(self, stream: int) -> None:
        self.h2.end_stream(stream)
        self._flush()

    def reset(self, stream: int) -> None:
        self.h2.reset_stream(stream)
        self._flush()

    def hang_up(self, stream: int) -> None:
        self._writer.transport.abort()

    async def _read(self) -> None:
        data = await self._reader.read(65536)
        assert data, "the server has closed the connection"
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                self.answers[event.stream_id] = self.answers.get(event.stream_id, b"") + event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self._ended.add(event.stream_id)
        self._flush()

    async def answer(self, stream: int) -> bytes:
        while stream not in self._ended:
            await self._read()
        return self.answers[stream]


async def answer(send: Any, text: str) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})


async def drained(receive: Any) -> tuple[int, str]:
    """How many bytes came, and what came last."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            break
    return size, message["type"]


@asynccontextmanager
async def client_of(app: Callable[..., Awaitable[None]]) -> AsyncIterator[Client]:
    (sock,) = listen("127.0.0.1", 0, is_fixed=True)
    port, stop = sock.getsockname()[1], asyncio.Event()
    config = serving_config([sock])
    config.graceful_timeout = 0.05

    async def http_only(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await app(scope["path"], receive, send)

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        served = tasks.create_task(serve(http_only, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield Client(reader, writer)
        stop.set()
        await served  # also while the client is there
        writer.close()


def test_bodies_that_nobody_reads_hold_up_no_other_request() -> None:
    gate = asyncio.Event()

    async def app(path: str, receive: Any, send: Any) -> None:
        if path == "/late":
            await gate.wait()
        await answer(send, str((await drained(receive))[0]))

    async def main() -> tuple[list[bytes], list[bytes]]:
        async with client_of(app) as client:
            late = [client.ask("/late", "POST") for _ in range(3)]
            for stream in late:
                await client.send(stream, WINDOW - 1, piece=1000)
            meanwhile = [client.ask("/now"), client.ask("/now", "POST")]
            await client.send(meanwhile[1], 10 * WINDOW)
            client.end(meanwhile[1])
            at_once = [await client.answer(stream) for stream in meanwhile]
            gate.set()
            await client.send(late[0], WINDOW)
            for stream in late:
                client.end(stream)
            return at_once, [await client.answer(stream) for stream in late]

    at_once, late = asyncio.run(main())
    assert at_once == [b"0", b"%d" % (10 * WINDOW)]
    assert late == [b"%d" % size for size in (2 * WINDOW - 1, WINDOW - 1, WINDOW - 1)]


def test_no_more_is_taken_of_a_body_than_its_stream_has_room_for() -> None:
    gate = asyncio.Event()

    async def app(path: str, receive: Any, send: Any) -> None:
        if path == "/late":
            await gate.wait()
        await answer(send, str((await drained(receive))[0]))

    async def main() -> bytes:
        async with client_of(app) as client:
            late = client.ask("/late", "POST")
            await client.send(late, WINDOW - 1)
            await client.answer(client.ask("/now"))
            assert client.h2.local_flow_control_window(late) == 1
            gate.set()
            await client.send(late, 2)
            client.end(late)
            return await client.answer(late)

    assert asyncio.run(main()) == b"%d" % (WINDOW + 1)


@pytest.mark.parametrize("path", ["/answer", "/reset"])
def test_what_is_never_read_takes_nothing_from_the_connection(path: str) -> None:
    """More than the connection has room for at once: answered unread, or given up by the client."""
    given_up = asyncio.Event()

    async def app(path: str, receive: Any, send: Any) -> None:
        if path == "/reset":
            while (await receive())["type"] != "http.disconnect":
                pass
            given_up.set()
        else:
            await answer(send, "unread")

    async def main() -> None:
        async with client_of(app) as client:
            for _ in range(220):
                stream = client.ask(path, "POST")
                await client.send(stream, WINDOW // 2, pad=9)
                if path == "/answer":
                    assert await client.answer(stream) == b"unread"
                    client.end(stream)
                else:
                    given_up.clear()
                    client.reset(stream)
                    await given_up.wait()

    asyncio.run(main())


def test_a_body_in_small_pieces_takes_no_more_memory_than_in_large_ones() -> None:
    """What waits is one piece, and whole, also where its client has left meanwhile."""
    gate = asyncio.Event()
    pieces: list[int] = []

    async def app(path: str, receive: Any, send: Any) -> None:
        if path == "/late":
            await gate.wait()
            while (message := await receive())["type"] == "http.request":
                pieces.append(len(message["body"]))
        await answer(send, "")

    async def main() -> None:
        async with client_of(app) as client:
            late = client.ask("/late", "POST")
            await client.send(late, 2000, piece=1)
            client.end(late)
            client.reset(late)
            await client.answer(client.ask("/now"))
            gate.set()

    asyncio.run(main())
    assert pieces == [2000, 0]


@pytest.mark.parametrize("leave", [Client.reset, Client.hang_up])
def test_an_app_is_told_of_a_client_that_leaves_while_it_sends(leave: Callable[[Client, int], None]) -> None:
    """It waits for room, and its client takes nothing."""
    waits, told = asyncio.Event(), asyncio.Event()

    async def app(path: str, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        asyncio.get_running_loop().call_later(0, waits.set)
        try:
            while True:
                await send({"type": "http.response.body", "body": bytes(2 * WINDOW), "more_body": True})
        except ClientGone:
            told.set()

    async def main() -> None:
        async with client_of(app) as client:
            stream = client.ask("/")
            await waits.wait()
            leave(client, stream)
            await told.wait()

    asyncio.run(main())


def test_a_server_that_ends_waits_for_no_client_that_takes_nothing() -> None:
    """More is on its way than sockets hold."""
    waits = asyncio.Event()

    async def app(path: str, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        asyncio.get_running_loop().call_later(0, waits.set)
        await send({"type": "http.response.body", "body": bytes(100 * 2**20)})

    async def main() -> None:
        async with client_of(app) as client:
            client.h2.increment_flow_control_window(2**30)
            client.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**30})
            client.ask("/")
            await waits.wait()

    asyncio.run(main())
