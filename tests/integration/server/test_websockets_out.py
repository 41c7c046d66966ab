"""WebSockets of handlers to the outside world, to a server that is not ours: the `websockets` package."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets
from websockets.exceptions import ConnectionClosed

from paddock.worker.messages import MAX_MESSAGE_BYTES

HEAD = """
import asyncio
import js
from pyodide.ffi import create_proxy
from workers import Response, WorkerEntrypoint


def listen(socket):
    '''A queue of what happens to a socket.'''
    events = asyncio.Queue()
    for kind in ("open", "message", "error", "close"):
        socket.addEventListener(kind, create_proxy(events.put_nowait))
    return events


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        url = self.env.URL
{body}
"""


def handler(body: str) -> str:
    return HEAD.format(body="\n".join(f"        {line}" for line in body.strip().splitlines()))


async def echo(socket: ServerConnection) -> None:
    """Say the same, but close, hang up or speak at length when asked to."""
    async for message in socket:
        match message:
            case "close":
                await socket.close(4005, "as asked")
            case "hang up":
                socket.transport.abort()
            case "long":
                await socket.send(b"x" * (MAX_MESSAGE_BYTES + 1))
            case _:
                await socket.send(message)


def refuse(connection: ServerConnection, request):
    if request.path == "/refused":
        return connection.respond(HTTPStatus.FORBIDDEN, "not you\n")
    return None


def choose(_connection: ServerConnection, offered) -> str | None:
    return "chat" if "chat" in offered else None


@contextlib.asynccontextmanager
async def elsewhere(closed: list | None = None) -> AsyncIterator[str]:
    """The URL of an echo server, which notes the codes that its clients left with."""

    async def talk(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await echo(socket)
        if closed is not None:
            await socket.wait_closed()
            closed.append((socket.close_code, socket.close_reason))

    options = {"process_request": refuse, "select_subprotocol": choose, "max_size": None, "compression": None}
    async with serve_sockets(talk, "127.0.0.1", 0, **options) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def ask(serve, body: str, path: str = "", **settings):
    """The JSON that the handler answers with, and the codes that its WebSockets ended with."""

    async def run():
        closed: list = []
        async with elsewhere(closed) as url, serve(handler(body), strings={"URL": url + path}, **settings) as running:
            reply = await running.client.get("/")
            assert reply.status_code == 200, reply.text
            return reply.json(), closed

    return asyncio.run(run())


TALK = """
response = await js.fetch(url, headers={"Upgrade": "websocket"})
socket = response.webSocket
socket.accept()
socket.binaryType = "arraybuffer"
events = listen(socket)
"""


def test_fetch_opens_a_websocket(serve) -> None:
    body = (
        TALK
        + """
socket.send("hello")
socket.send(js.Uint8Array.new([1, 2, 255]))
text, data = (await events.get()).data, (await events.get()).data
socket.close(4321, "done")
end = await events.get()
return Response.json([response.status, text, list(data.to_bytes()), end.type, end.code, end.wasClean])
"""
    )
    answer, closed = ask(serve, body)
    assert answer == [101, "hello", [1, 2, 255], "close", 4321, True]
    assert closed == [(4321, "done")]


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("close", ["close", 4005, "as asked", True]),
        ("hang up", ["close", 1006, "WebSocket disconnected without sending Close frame.", False]),
    ],
)
def test_the_end_that_the_server_makes_reaches_the_handler(serve, word: str, end: list) -> None:
    body = TALK + f"socket.send({word!r})\nend = await events.get()\n"
    body += "return Response.json([end.type, end.code, end.reason, end.wasClean])"
    assert ask(serve, body)[0] == end


def test_a_message_over_the_limit_is_an_error(serve) -> None:
    body = TALK + 'socket.send("long")\nreturn Response.json((await events.get()).message)'
    answer, _ = ask(serve, body)
    assert answer.startswith("Uncaught Error: WebSocket protocol error; protocolError.statusCode = 1009; ")


def test_a_server_that_refuses_is_heard(serve) -> None:
    body = """
response = await js.fetch(url, headers={"Upgrade": "websocket"})
return Response.json([response.status, (await response.text()).strip(), bool(response.webSocket)])
"""
    assert ask(serve, body, "/refused")[0] == [403, "not you", False]


def test_an_address_without_a_server_is_an_error(serve) -> None:
    body = """
try:
    await js.fetch("http://127.0.0.1:1", headers={"Upgrade": "websocket"})
except Exception as error:
    return Response.json(str(error))
"""
    assert ask(serve, body)[0].startswith("Error: WebSocket http://127.0.0.1:1")


def test_a_websocket_can_be_made_of_a_url(serve) -> None:
    body = """
socket = js.WebSocket.new(url.replace("http", "ws"), js.Array.of("other", "chat"))
events, seen = listen(socket), [socket.readyState, socket.protocol]
seen.append((await events.get()).type)
seen += [socket.readyState, socket.protocol, socket.url == url.replace("http", "ws")]
socket.send("hi")
seen.append((await events.get()).data)
socket.close()
seen.append((await events.get()).code)
return Response.json([*seen, socket.readyState])
"""
    answer, closed = ask(serve, body)
    assert answer == [0, "", "open", 1, "chat", True, "hi", 1005, 3]
    assert closed == [(1005, "")]


def test_a_websocket_that_cannot_be_made_says_so(serve) -> None:
    body = """
socket = js.WebSocket.new(url.replace("http", "ws"))
events = listen(socket)
error, close = await events.get(), await events.get()
return Response.json([error.message, close.code, close.reason, close.wasClean, socket.readyState])
"""
    text = "expected server to reply with HTTP status code 101 (switching protocols), but received 403 instead."
    message, *rest = ask(serve, body, "/refused")[0]
    assert message == f"Uncaught TypeError: Failed to establish the WebSocket connection: {text}"
    assert rest == [1006, "Failed to establish websocket connection", False, 3]


def test_closing_before_it_is_open(serve) -> None:
    body = """
socket = js.WebSocket.new(url.replace("http", "ws"))
events = listen(socket)
socket.close()
error, close = await events.get(), await events.get()
return Response.json([error.message, close.code, socket.readyState])
"""
    text = "Uncaught Error: Called close before connection was established."
    assert ask(serve, body)[0] == [text, 1006, 3]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('"no url"', "The url is invalid."),
        ('"http://localhost/"', "The url scheme must be ws or wss."),
        ('"ws://localhost/#a"', "The url fragment must be empty."),
        ('"ws://localhost/", "a b"', "The protocol header token is invalid."),
        ('"ws://localhost/", ["a", ""]', "One of the protocol header tokens is invalid."),
        ('"ws://localhost/", ["a", "a"]', "The protocols header cannot have repeating values."),
    ],
)
def test_what_cannot_be_asked_for(serve, arguments: str, text: str) -> None:
    body = f"try:\n    js.WebSocket.new({arguments})\nexcept Exception as error:\n    return Response.json(str(error))"
    assert ask(serve, body)[0] == f"SyntaxError: WebSocket Constructor: {text}"


def test_a_websocket_can_be_passed_on(serve) -> None:
    body = """
upstream = await js.fetch(url, headers={"Upgrade": "websocket"})
return Response(None, status=101, web_socket=upstream.webSocket)
"""

    async def run():
        closed: list = []
        async with elsewhere(closed) as url, serve(handler(body), strings={"URL": url}) as running:
            address = str(running.client.base_url).replace("http", "ws", 1)
            async with connect(address, proxy=None, max_size=None) as socket:
                got = []
                for message in ("a", b"\x00", "x" * 200_000):
                    await socket.send(message)
                    got.append(await socket.recv())
                await socket.close(4100, "through")
            async with connect(address, proxy=None) as socket:
                await socket.send("close")
                with pytest.raises(ConnectionClosed) as raised:
                    await socket.recv()
            return got, closed, raised.value.rcvd

    got, closed, frame = asyncio.run(run())
    assert got == ["a", b"\x00", "x" * 200_000]
    assert closed[0] == (4100, "through")
    assert frame is not None
    assert (frame.code, frame.reason) == (4005, "as asked")


def test_a_websocket_outlives_the_response_like_other_background_work(serve) -> None:
    body = """
socket = js.WebSocket.new(url.replace("http", "ws"))
events = listen(socket)
await events.get()

async def later():
    socket.send("after the response")
    print((await events.get()).data, flush=True)
    socket.close(1000)

self.ctx.waitUntil(create_proxy(later()))
return Response.json("answered")
"""

    async def run():
        closed: list = []
        async with elsewhere(closed) as url, serve(handler(body), strings={"URL": url}) as running:
            assert (await running.client.get("/")).json() == "answered"
            while not closed:  # noqa: ASYNC110 - it waits for the other server
                await asyncio.sleep(0)
            return closed, running.lines

    assert asyncio.run(run()) == ([(1000, "")], ["after the response"])
