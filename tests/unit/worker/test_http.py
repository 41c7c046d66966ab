import asyncio
from collections.abc import Iterable

import pytest

from paddock.bindings.binding import GeneratorSource
from paddock.bindings.errors import InputError, RequestTooLarge
from paddock.worker import http
from paddock.worker.channel import BodyBroken
from paddock.worker.http import Exchange

LIMIT = 100_000


class Client:
    """The other side of an ASGI app: what it sends, and what it gets."""

    def __init__(
        self, *pieces: bytes, method: str = "POST", path: str = "/", headers: Iterable = (), query=b"", version="1.1"
    ) -> None:
        self.scope = {
            "type": "http", "http_version": version, "method": method, "scheme": "http", "server": ("127.0.0.1", 8787),
            "raw_path": path.encode(), "query_string": query, "headers": [(n.encode(), v.encode()) for n, v in headers],
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


@pytest.mark.parametrize("host", ["a b", "[", "[:::]", "a/b", "a?b", "u@h", "\xff", ":80"])
def test_a_host_header_that_is_none_is_refused(host: str) -> None:
    client = Client(method="GET")
    client.scope["headers"] = [(b"host", host.encode("latin-1"))]
    with pytest.raises(InputError, match="Host header"):
        asyncio.run(client.exchange().request())


@pytest.mark.parametrize(("target", "path"), [("http://h/a/b", "/a/b"), ("http://h", "/"), ("*", "/"), ("h:1", "/")])
def test_a_target_that_is_no_path_has_one(target: str, path: str) -> None:
    client = Client(path=target, headers=[("host", "h")], method="OPTIONS")
    assert asyncio.run(client.exchange().request()).url == f"http://h{path}"


@pytest.mark.parametrize(("method", "has_body"), [("POST", True), ("GET", False)])
def test_an_http2_request_needs_no_header_for_its_body(method: str, has_body: bool) -> None:
    client = Client(b"ab", method=method, version="2")
    assert (asyncio.run(client.exchange().request()).body is not None) is has_body


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


@pytest.mark.parametrize("stated", ["1", "50", "many"])
def test_the_length_of_a_body_is_what_it_is(stated: str) -> None:
    client = Client(method="GET")
    asyncio.run(client.exchange().respond(200, (("content-length", stated),), b"hello"))
    assert client.got[0]["headers"] == [(b"content-length", b"5")]


def test_a_head_response_keeps_the_length_that_it_states() -> None:
    """PW-094"""
    client = Client(method="HEAD")
    asyncio.run(client.exchange().respond(200, (("content-length", "7"),), None))
    assert client.got[0]["headers"] == [(b"content-length", b"7")]


def test_a_header_beyond_latin_1_is_sent_as_utf_8() -> None:
    client = Client(method="GET")
    asyncio.run(client.exchange().respond(204, (("x", "\xe9"), ("y", "\u65e5")), None))
    assert client.got[0]["headers"] == [(b"x", b"\xe9"), (b"y", "\u65e5".encode())]


def test_a_body_that_fails_before_its_first_piece_leaves_room_for_an_error() -> None:
    class Broken:
        async def pull(self) -> bytes | None:
            raise BodyBroken("nothing there")

        async def cancel(self, reason: object) -> None:
            pass

    client = Client(method="GET")
    exchange = client.exchange()
    with pytest.raises(BodyBroken):
        asyncio.run(exchange.respond(200, (), Broken()))
    assert (exchange.status, client.got) == (0, [])


@pytest.mark.parametrize("pieces", [[], [b"x"] * 9])
def test_what_is_discarded_is_not_waited_for_when_the_client_waits_itself(
    monkeypatch: pytest.MonkeyPatch, pieces: list[bytes]
) -> None:
    monkeypatch.setattr(http, "_PAUSE_S", 0.01)
    monkeypatch.setattr(http, "_DISCARD_S", 1e6)

    async def run() -> None:
        never = asyncio.get_running_loop().create_future()

        async def receive() -> dict:
            return {"type": "http.request", "body": pieces.pop(), "more_body": True} if pieces else await never

        headers = [(b"content-length", b"%d" % (LIMIT + 1))]
        exchange = Exchange(Client().scope | {"headers": headers}, receive, Client().send, LIMIT)
        with pytest.raises(RequestTooLarge):
            await exchange.request()
        async with asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(exchange.disconnected())
            await exchange.discard_request()
            watcher.cancel()

    asyncio.run(run())
    assert pieces == []


def test_the_disconnect_is_seen_after_the_body() -> None:
    async def run() -> None:
        client = Client(b"abc", headers=[("content-length", "3")])
        exchange = client.exchange()
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(exchange.disconnected())
            assert (await exchange.request()).body == b"abc"
            await watcher

    asyncio.run(run())


def test_a_head_does_not_wait_for_a_piece_that_may_wait_for_it() -> None:
    """As in production, where a client that has the head of an event stream can have somebody send the first event."""
    client = Client(method="GET")
    is_told = asyncio.Event()

    async def send(message: dict) -> None:
        await Client.send(client, message)
        is_told.set()

    async def pieces():
        await is_told.wait()
        yield b"late"

    async def main() -> None:
        client.send = send  # type: ignore[method-assign]
        async with asyncio.timeout(20):
            await client.exchange().respond(200, (), GeneratorSource(pieces()))

    asyncio.run(main())
    assert [message["type"].rpartition(".")[2] for message in client.got] == ["start", "body", "body"]
    assert client.body == b"late"
