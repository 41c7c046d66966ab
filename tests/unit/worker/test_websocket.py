"""A request for a WebSocket as the app sees it: ASGI messages on one side, two bodies on the other."""

import asyncio

import pytest

from paddock.bindings.binding import GeneratorSource
from paddock.worker.channel import BodyBroken
from paddock.worker.errors import SubprotocolRefused
from paddock.worker.messages import Close, Failure, MessageBuffer, encode
from paddock.worker.websocket import SocketExchange


class Client:
    """The other side of an ASGI app: messages to come are put into `inbox`, those that came are in `got`."""

    def __init__(self, *, extensions: object = None, subprotocols: tuple[str, ...] = (), headers=()) -> None:
        self.inbox: asyncio.Queue[dict] = asyncio.Queue()
        self.got: list[dict] = []
        self.scope = {
            "type": "websocket", "scheme": "ws", "http_version": "1.1", "raw_path": b"/room", "query_string": b"a=1",
            "headers": [(b"host", b"worker.test"), *headers], "server": ("127.0.0.1", 8787),
            "subprotocols": list(subprotocols), "extensions": extensions,
        }  # fmt: skip

    async def send(self, message: dict) -> None:
        self.got.append(message)

    def exchange(self) -> SocketExchange:
        return SocketExchange(self.scope, self.inbox.get, self.send, 100)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason, "paddock.end": "closed"})

    def hang_up(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1006, "paddock.end": "gone"})


def said(*messages) -> GeneratorSource:
    async def pieces():
        for message in messages:
            yield encode(message) if not isinstance(message, Exception) else message

    return GeneratorSource(pieces())


async def heard(source) -> list:
    """Every message of a body; the exception last, where it broke off."""
    buffer, got = MessageBuffer(), []
    try:
        while (piece := await source.pull()) is not None:
            got += buffer.feed(piece)
    except BodyBroken as broken:
        got.append(str(broken))
    return got


def test_the_request_is_one_of_http() -> None:
    request = asyncio.run(Client(headers=[(b"upgrade", b"WebSocket")]).exchange().request())
    assert (request.method, request.url) == ("GET", "http://worker.test/room?a=1")
    assert request.header("upgrade") == "WebSocket"


def test_a_request_of_http2_has_the_header_too() -> None:
    assert asyncio.run(Client().exchange().request()).header("upgrade") == "websocket"


def test_what_the_client_says_is_a_body_and_ends_with_its_close() -> None:
    async def run() -> list:
        client = Client()
        exchange = client.exchange()
        client.inbox.put_nowait({"type": "websocket.receive", "text": "a", "bytes": None})
        client.inbox.put_nowait({"type": "websocket.receive", "bytes": b"b"})
        client.close(4000, "bye")
        client.hang_up()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(exchange.disconnected())
            return await heard((await exchange.request()).body)

    assert asyncio.run(run()) == ["a", b"b", Close(4000, "bye")]


def test_a_client_that_hangs_up_breaks_its_body_off() -> None:
    async def run() -> list:
        client = Client()
        exchange = client.exchange()
        client.hang_up()
        await exchange.disconnected()
        return await heard((await exchange.request()).body)

    assert asyncio.run(run()) == ["the client hung up without a Close frame"]


def test_no_more_than_one_message_waits_for_a_slow_worker() -> None:
    async def run() -> int:
        client = Client()
        exchange = client.exchange()
        for number in range(10):
            client.inbox.put_nowait({"type": "websocket.receive", "text": str(number)})
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(exchange.disconnected())
            for _ in range(50):
                await asyncio.sleep(0)
            reader.cancel()
        return client.inbox.qsize()

    assert asyncio.run(run()) == 8  # one waits, one is in hand


def test_messages_and_the_close_of_the_worker_are_sent() -> None:
    async def run() -> list[dict]:
        client = Client(subprotocols=("chat",))
        exchange = client.exchange()
        headers = (("Sec-WebSocket-Protocol", "chat"), ("upgrade", "websocket"), ("x-own", "1"))
        client.close(4001)
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(exchange.disconnected())
            await exchange.respond(101, headers, said("a", b"b", Close(4001, "done"), "never"))
            reader.cancel()
        return client.got

    accept, *rest = asyncio.run(run())
    assert accept == {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-own", b"1")]}
    assert rest == [
        {"type": "websocket.send", "text": "a"},
        {"type": "websocket.send", "bytes": b"b"},
        {"type": "websocket.close", "code": 4001, "reason": "done"},
    ]


def test_a_worker_that_ends_without_a_close_is_an_internal_error() -> None:
    async def run() -> list[dict]:
        client = Client()
        exchange = client.exchange()
        client.close()
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(exchange.disconnected())
            await exchange.respond(101, (), said("a"))
            reader.cancel()
        return client.got

    assert asyncio.run(run())[-1] == {"type": "websocket.close", "code": 1011, "reason": ""}


def test_a_subprotocol_out_of_nowhere_is_refused_before_the_client_is_let_in() -> None:
    client = Client(subprotocols=("a", "b"))
    with pytest.raises(SubprotocolRefused, match=r"\(a, b\); the handler answered 'c'"):
        asyncio.run(client.exchange().respond(101, (("sec-websocket-protocol", "c"),), said()))
    assert client.got == []


def test_another_answer_is_sent_as_a_response() -> None:
    async def run(body) -> list[dict]:
        client = Client(extensions={"websocket.http.response": {}})
        await client.exchange().respond(404, (("x-a", "1"), ("connection", "close")), body)
        return client.got

    start, body = asyncio.run(run(b"no"))
    assert start["headers"] == [(b"x-a", b"1"), (b"content-length", b"2")]
    assert (start["status"], body["body"]) == (404, b"no")
    pieces = asyncio.run(run(said("a", "b")))[1:]
    assert [piece["body"] for piece in pieces] == [encode("a"), encode("b"), b""]


def test_a_server_that_can_send_no_response_refuses_with_its_own() -> None:
    client = Client()
    exchange = client.exchange()
    asyncio.run(exchange.respond(404, (), b"no"))
    assert (client.got, exchange.status) == ([{"type": "websocket.close"}], 403)


def test_a_failure_is_told_to_the_worker() -> None:
    async def run() -> list:
        client = Client()
        exchange = client.exchange()
        client.inbox.put_nowait(
            {"type": "websocket.disconnect", "code": 1009, "reason": "too large", "paddock.end": "failed"}
        )
        client.hang_up()
        await exchange.disconnected()
        return await heard((await exchange.request()).body)

    assert asyncio.run(run()) == [Failure(1009, "too large")]
