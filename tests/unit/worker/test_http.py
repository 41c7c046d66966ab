import asyncio
from collections.abc import Iterable

import pytest

from paddock.bindings.binding import GeneratorSource
from paddock.bindings.errors import RequestTooLarge
from paddock.worker.channel import BodyBroken
from paddock.worker.http import Exchange

LIMIT = 100_000


class Client:
    """The other side of an ASGI app: what it sends, and what it gets."""

    def __init__(
        self, *pieces: bytes, method: str = "POST", path: str = "/", headers: Iterable = (), query=b""
    ) -> None:
        self.scope = {
            "type": "http", "method": method, "scheme": "http", "raw_path": path.encode(), "query_string": query,
            "server": ("127.0.0.1", 8787), "headers": [(n.encode(), v.encode()) for n, v in headers],
        }  # fmt: skip
        self.messages = [
            {"type": "http.request", "body": piece, "more_body": i < len(pieces) - 1} for i, piece in enumerate(pieces)
        ]
        self.got: list[dict] = []

    async def receive(self) -> dict:
        return self.messages.pop(0) if self.messages else {"type": "http.disconnect"}

    async def send(self, message: dict) -> None:
        self.got.append(message)

    def exchange(self) -> Exchange:
        return Exchange(self.scope, self.receive, self.send, LIMIT)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)


def test_the_url_is_absolute_and_as_the_client_sent_it() -> None:
    """PW-042"""
    client = Client(path="/a%2Fb", query=b"q=%20x", headers=[("host", "worker.test:1")], method="GET")
    request = asyncio.run(client.exchange().request())
    assert request.url == "http://worker.test:1/a%2Fb?q=%20x"


def test_without_a_host_header_the_address_stands_in_the_url() -> None:
    assert asyncio.run(Client(method="GET").exchange().request()).url == "http://127.0.0.1:8787/"


def test_a_small_body_is_read_whole() -> None:
    client = Client(b"ab", b"c", headers=[("content-length", "3")])
    assert asyncio.run(client.exchange().request()).body == b"abc"


def test_a_body_of_unknown_length_streams() -> None:
    client = Client(b"ab", b"c", headers=[("transfer-encoding", "chunked")])

    async def run() -> bytes:
        return await (await client.exchange().request()).read(LIMIT)

    assert asyncio.run(run()) == b"abc"


def test_an_announced_body_over_the_limit_is_refused_unread() -> None:
    """PW-163"""
    client = Client(b"x", headers=[("content-length", "200000000")])
    with pytest.raises(RequestTooLarge):
        asyncio.run(client.exchange().request())
    assert len(client.messages) == 1


def test_a_chunked_body_over_the_limit_breaks_off() -> None:
    client = Client(*[b"x" * 60_000] * 3, headers=[("transfer-encoding", "chunked")])

    async def run() -> None:
        body = (await client.exchange().request()).body
        assert body is not None
        assert not isinstance(body, bytes)
        await body.pull()
        with pytest.raises(BodyBroken, match="at most 100000 bytes"):
            await body.pull()

    asyncio.run(run())


def test_a_complete_response_carries_its_length() -> None:
    client = Client(method="GET")
    asyncio.run(client.exchange().respond(201, (("X-A", "1"), ("x-a", "2")), b"hello"))
    assert client.got[0]["status"] == 201
    assert client.got[0]["headers"] == [(b"x-a", b"1"), (b"x-a", b"2"), (b"content-length", b"5")]
    assert client.body == b"hello"


def test_a_streamed_response_sends_every_piece_and_closes_its_source() -> None:
    closed = []

    async def pieces():
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    client = Client(method="GET")
    asyncio.run(client.exchange().respond(200, (), GeneratorSource(pieces())))
    assert [message.get("body") for message in client.got] == [None, b"a", b"b", b""]
    assert closed


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_responses_without_a_body_do_not_read_the_source(method: str, status: int) -> None:
    """PW-094"""
    pulled = []

    async def pieces():
        pulled.append(True)
        yield b"never"

    client = Client(method=method)
    asyncio.run(client.exchange().respond(status, (), GeneratorSource(pieces())))
    assert (pulled, client.body) == ([], b"")


def test_the_disconnect_is_seen_after_the_body() -> None:
    async def run() -> None:
        client = Client(b"abc", headers=[("content-length", "3")])
        exchange = client.exchange()
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(exchange.disconnected())
            assert (await exchange.request()).body == b"abc"
            await watcher

    asyncio.run(run())
