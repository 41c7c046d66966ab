"""WebSockets through the whole server, with a client that is not ours: the `websockets` package."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from paddock.worker.messages import MAX_MESSAGE_BYTES

#: A handler around the body of a function `serve(server)` that has the accepted end; `note` writes a line.
HEAD = """
import json
import os
import signal
from js import WebSocketPair
from pyodide.ffi import create_proxy
from workers import Response, WorkerEntrypoint


def note(*values):
    print(json.dumps(values), flush=True)


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        client, server = WebSocketPair.new().object_values()
        server.accept()
        server.addEventListener("close", create_proxy(
            lambda event: note("close", event.code, event.reason, event.wasClean)
        ))
        server.addEventListener("error", create_proxy(lambda event: note("error", event.message)))
{body}
        return Response(None, status=101, web_socket=client)
"""

ECHO = """
server.binaryType = "arraybuffer"
def on_message(event):
    server.send(event.data)
server.addEventListener("message", create_proxy(on_message))
"""

#: PW-157: an application that knows nothing of Workers, behind the SDK's adapter.
ASGI = """
import asgi
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect
from workers import WorkerEntrypoint

async def echo(socket):
    await socket.accept()
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"], message.get("reason"))
            if message.get("text") == "leave":
                await socket.close(4001, "as you wish")
                return
            if message.get("text") == "fail":
                raise ValueError("failed")
            if "text" in message:
                await socket.send_text(f"{socket.scope['env'].NAME} {socket.url.path} {message['text']}")
            else:
                await socket.send_bytes(message["bytes"][::-1])
    except WebSocketDisconnect as gone:
        print("disconnect", gone.code, flush=True)

async def page(request):
    return PlainTextResponse("a page")

app = Starlette(routes=[WebSocketRoute("/room/{name}", echo), Route("/", page)])
Default = asgi.entrypoint(app)
"""


def handler(body: str = ECHO) -> str:
    return HEAD.format(body="\n".join(f"        {line}" for line in body.strip().splitlines()))


@contextlib.asynccontextmanager
async def client(running, path: str = "/", **options) -> AsyncIterator[ClientConnection]:
    url = str(running.client.base_url).replace("http", "ws", 1).rstrip("/")
    async with connect(url + path, proxy=None, **{"max_size": None, **options}) as socket:
        yield socket


def talk(serve, source: str, say: Callable[..., Awaitable], *, path: str = "/", options=None, **settings):
    """What `say(socket)` returns, and the lines that the handler printed by the end of the conversation."""

    async def run():
        async with serve(source, **settings) as running:
            async with client(running, path, **(options or {})) as socket:
                result = await say(socket)
            # A request that comes later is answered later: what the handler had to say of the connection is here.
            async with asyncio.timeout(20):
                while sum(line.startswith(('["close"', '["error"', "disconnect")) for line in running.lines) < 1:  # noqa: ASYNC110 - it waits for the handler's own words
                    await asyncio.sleep(0)
            return result, list(running.lines)

    return asyncio.run(run())


async def echoed(socket: ClientConnection, *messages: str | bytes) -> list[str | bytes]:
    got = []
    for message in messages:
        await socket.send(message)
        got.append(await socket.recv())
    return got


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """What the server's Close frame says; 1006 where none came."""
    with pytest.raises(ConnectionClosed) as raised:
        while True:
            await socket.recv()
    frame = raised.value.rcvd
    return (frame.code, frame.reason) if frame else (1006, "")


def test_text_and_bytes_come_back_unchanged(serve) -> None:
    sent = ["", "héllo \N{SNOWMAN}", b"", bytes(range(256)), "x" * 300_000, b"\x00\xff" * 300_000]
    got, _ = talk(serve, handler(), lambda socket: echoed(socket, *sent))
    assert got == sent


def test_binary_messages_are_blobs_unless_the_handler_says_otherwise(serve) -> None:
    body = 'server.addEventListener("message", create_proxy(lambda event: server.send(event.data.constructor.name)))'
    body += '\nserver.addEventListener("close", create_proxy(lambda event: server.close()))'  # left to the handler then
    for date, name in (("2026-09-15", "Blob"), ("2026-03-01", "ArrayBuffer")):
        got, _ = talk(serve, handler(body), lambda socket: echoed(socket, b"x"), date=date)
        assert got == [name]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "away"), (4321, "bye \N{SNOWMAN}")])
def test_the_clients_close_reaches_the_handler_and_is_answered(serve, code: int, reason: str) -> None:
    async def leave(socket: ClientConnection) -> tuple[int | None, str | None]:
        await socket.close(code, reason)
        return socket.close_code, socket.close_reason

    answer, lines = talk(serve, handler(), leave)
    assert answer == (code, reason)
    assert json.loads(lines[-1]) == ["close", code, reason, True]


def test_the_handlers_close_reaches_the_client_and_its_answer_the_handler(serve) -> None:
    body = """
def on_message(event):
    server.send("last")
    server.close(4002, "enough")
    note("state", server.readyState)
    server.close(4003, "again")
    try:
        server.send("late")
    except Exception as error:
        note("late", str(error))
server.addEventListener("message", create_proxy(on_message))
"""

    async def say(socket: ClientConnection) -> tuple[str | bytes, tuple[int, str]]:
        await socket.send("go")
        return await socket.recv(), await closed(socket)

    (last, close), lines = talk(serve, handler(body), say)
    assert (last, close) == ("last", (4002, "enough"))
    late = "TypeError: Can't call WebSocket send() after close()."
    assert [json.loads(line) for line in lines] == [["state", 2], ["late", late], ["close", 4002, "enough", True]]


def test_before_april_2026_the_handler_answers_a_close_itself(serve) -> None:
    body = 'server.addEventListener("close", create_proxy(lambda event: server.close(4009, f"you said {event.code}")))'

    async def leave(socket: ClientConnection) -> tuple[int | None, str | None]:
        await socket.close(4000)
        return socket.close_code, socket.close_reason

    for date, answer in (("2026-04-06", (4009, "you said 4000")), ("2026-04-07", (4000, ""))):
        assert talk(serve, handler(body), leave, date=date)[0] == answer


def test_a_client_that_hangs_up_is_an_unclean_close(serve) -> None:
    async def drop(socket: ClientConnection) -> None:
        assert await echoed(socket, "a") == ["a"]
        socket.transport.abort()

    _, lines = talk(serve, handler(), drop)
    text = "WebSocket disconnected without sending Close frame."
    assert json.loads(lines[-1]) == ["close", 1006, text, False]


def test_a_listener_that_raises_breaks_the_connection(serve) -> None:
    body = '@create_proxy\ndef fail(event):\n    raise ValueError("boom")\nserver.addEventListener("message", fail)'

    async def say(socket: ClientConnection) -> tuple[int, str]:
        await socket.send("go")
        return await closed(socket)

    close, lines = talk(serve, handler(body), say)
    assert close == (1011, "")
    message = next(json.loads(line)[1] for line in lines if line.startswith('["error"'))
    assert message.startswith("Uncaught PythonError: Traceback")
    assert "ValueError: boom" in message


def test_a_listener_without_a_proxy_is_named_in_the_log(serve) -> None:
    """Also where nobody listens for errors: it is the first mistake that one makes with WebSockets in Python."""

    async def say(socket: ClientConnection) -> tuple[int, str]:
        await socket.send("go")
        return await closed(socket)

    close, lines = talk(serve, handler('server.addEventListener("message", lambda event: None)'), say)
    assert close == (1011, "")
    assert any("uncaught_in_listener" in line for line in lines)
    assert any("Try using create_proxy" in line and not line.startswith("[") for line in lines)


def test_a_message_over_the_limit_is_refused(serve) -> None:
    async def say(socket: ClientConnection) -> tuple[int, str]:
        await socket.send(b"x" * MAX_MESSAGE_BYTES)
        assert len(await socket.recv()) == MAX_MESSAGE_BYTES
        with contextlib.suppress(ConnectionClosed):  # it may know before it has sent everything
            await socket.send(b"x" * (MAX_MESSAGE_BYTES + 1))
        return await closed(socket)

    (code, reason), lines = talk(serve, handler(), say, options={"compression": None})
    assert code == 1009
    assert reason.startswith("Message is too large: ")
    error = json.loads(lines[-1])[1]
    assert error.startswith("Uncaught Error: WebSocket protocol error; protocolError.statusCode = 1009; ")


def test_text_that_is_not_utf8_is_refused(serve) -> None:
    async def say(socket: ClientConnection) -> tuple[int, str]:
        await socket.send(b"\xc3\x28", text=True)
        return await closed(socket)

    (code, _), lines = talk(serve, handler(), say)
    assert code == 1007
    assert "protocolError.statusCode = 1007" in lines[-1]


def test_data_ahead_of_the_handshake_is_no_conversation(serve) -> None:
    request = (
        b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x80abcd"
    )

    async def run() -> bytes:
        async with serve(handler()) as running:
            port = running.client.base_url.port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await reader.read()
            writer.close()
            assert (await running.client.get("/")).status_code == 500  # still there, and not asked for a WebSocket
            return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.1 400")


def test_a_handler_that_answers_something_else_is_heard(serve) -> None:
    source = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("not today", status=426, headers={"x-why": request.headers["upgrade"]})
"""

    async def run():
        async with serve(source) as running:
            with pytest.raises(InvalidStatus) as refused:
                async with client(running):
                    pass
            return refused.value.response

    response = asyncio.run(run())
    assert (response.status_code, bytes(response.body), response.headers["x-why"]) == (426, b"not today", "websocket")


def test_an_exception_of_the_handler_refuses_the_connection(serve) -> None:
    async def run():
        async with serve(handler('raise ValueError("boom")')) as running:
            with pytest.raises(InvalidStatus) as refused:
                async with client(running):
                    pass
            return refused.value.response

    response = asyncio.run(run())
    assert response.status_code == 500
    assert b"ValueError: boom" in bytes(response.body)


def test_a_websocket_for_a_request_that_asked_for_none_is_an_error(serve) -> None:
    async def run():
        async with serve(handler()) as running:
            return await running.client.get("/")

    reply = asyncio.run(run())
    assert reply.status_code == 500
    assert 'which did not contain the header "Upgrade: websocket".' in reply.text


@pytest.mark.parametrize(("chosen", "offered"), [("chat.v2", ["chat.v1", "chat.v2"]), (None, ["chat.v1"])])
def test_the_handler_chooses_the_subprotocol(serve, chosen: str | None, offered: list[str]) -> None:
    headers = {"sec-websocket-protocol": chosen, "x-own": "1"} if chosen else {"x-own": "1"}
    body = ECHO + f"\nreturn Response(None, status=101, web_socket=client, headers={headers!r})"

    async def say(socket: ClientConnection):
        assert socket.response is not None
        return socket.subprotocol, socket.response.headers["x-own"]

    assert talk(serve, handler(body), say, options={"subprotocols": offered})[0] == (chosen, "1")


def test_a_subprotocol_that_was_not_offered_is_refused(serve) -> None:
    body = 'return Response(None, status=101, web_socket=client, headers={"sec-websocket-protocol": "other"})'

    async def run():
        async with serve(handler(body)) as running:
            with pytest.raises(InvalidStatus) as refused:
                async with client(running, subprotocols=["chat"]):
                    pass
            return refused.value.response

    response = asyncio.run(run())
    assert response.status_code == 500
    assert b"one that the client offered (chat); the handler answered 'other'" in bytes(response.body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('return Response(None, status=101, web_socket=server)', "in a Response after calling accept()"),
        ('Response(None, status=101, web_socket=client).clone()', "Cannot clone a response to a WebSocket handshake."),
        ('return Response(None, status=200, web_socket=client)', "must have status code 101"),
        ('client.send("early")', "You must call one of accept()"),
        ('server.close(1005)', "Invalid WebSocket close code: 1005."),
        ('server.close(None, "why")', "you must also specify a code"),
        ('server.close(1000, "x" * 124)', "must not be longer than 123 bytes"),
        ('server.send("x" * 33554433)', "WebSocket message is too large: 33554433 > 33554432"),
    ],
)  # fmt: skip
def test_what_production_rejects_is_rejected(serve, body: str, text: str) -> None:
    async def run():
        async with serve(handler(body)) as running:
            with pytest.raises(InvalidStatus) as refused:
                async with client(running):
                    pass
            return refused.value.response

    response = asyncio.run(run())
    assert response.status_code == 500
    assert text in bytes(response.body).decode()


def test_the_death_of_the_isolate_closes_its_websockets(serve) -> None:
    async def run():
        source = handler('server.addEventListener("message", create_proxy(lambda event: __import__("os")._exit(3)))')
        async with serve(source) as running, client(running) as socket, client(running) as other:
            await socket.send("go")
            return await closed(socket), await closed(other)

    assert asyncio.run(run()) == ((1011, ""), (1011, ""))


def test_paddocks_own_paths_take_no_websockets(serve) -> None:
    async def run() -> int:
        async with serve(handler()) as running:
            with pytest.raises(InvalidStatus) as refused:
                async with client(running, "/client/v4/accounts/any/ai/models/search"):
                    pass
            return refused.value.response.status_code

    assert asyncio.run(run()) == 403


def test_connections_do_not_hold_each_other_up(serve) -> None:
    async def chat(running, name: str) -> list[str | bytes]:
        async with client(running) as socket:
            return await echoed(socket, *(f"{name} {number}" for number in range(20)))

    async def run():
        async with serve(handler()) as running:
            return await asyncio.gather(*(chat(running, f"client {number}") for number in range(50)))

    got = asyncio.run(run())
    assert got == [[f"client {number} {line}" for line in range(20)] for number in range(50)]


def test_an_asgi_application_talks_text_and_bytes(serve) -> None:
    """PW-157"""

    async def say(socket: ClientConnection) -> list[str | bytes]:
        return await echoed(socket, "hi", b"\x01\x02")

    got, lines = talk(serve, ASGI, say, path="/room/1", strings={"NAME": "env"})
    assert got == ["env /room/1 hi", b"\x02\x01"]
    assert lines == ["disconnect 1000"]


@pytest.mark.parametrize(("word", "close"), [("leave", (4001, "as you wish")), ("fail", (1011, ""))])
def test_an_asgi_application_ends_the_connection(serve, word: str, close: tuple[int, str]) -> None:
    """PW-157"""

    async def run() -> tuple[int, str]:
        async with serve(ASGI) as running, client(running, "/room/1") as socket:
            assert (await running.client.get("/")).text == "a page"
            await socket.send(word)
            return await closed(socket)

    assert asyncio.run(run()) == close


def test_a_fastapi_application_talks_json_and_empty_frames(serve) -> None:
    """PW-157"""
    pytest.importorskip("fastapi", reason="FastAPI comes with the engine")
    source = """
import asgi
from fastapi import FastAPI, WebSocket

app = FastAPI()

@app.websocket("/items/{number}")
async def items(socket: WebSocket, number: int, q: str = ""):
    await socket.accept()
    await socket.send_json({"number": number, "q": q, "got": await socket.receive_json()})
    await socket.send_text("")
    await socket.send_bytes(b"")
    await socket.receive_text()

Default = asgi.entrypoint(app)
"""

    async def run() -> list:
        async with serve(source) as running, client(running, "/items/7?q=x") as socket:
            await socket.send('{"a": [1, null]}')
            got = [json.loads(await socket.recv()), await socket.recv(), await socket.recv()]
            await socket.send("done")
            return [*got, await closed(socket)]

    answer = {"number": 7, "q": "x", "got": {"a": [1, None]}}
    assert asyncio.run(run()) == [answer, "", b"", (1000, "")]


def test_an_asgi_application_learns_the_clients_code(serve) -> None:
    """PW-157"""

    async def leave(socket: ClientConnection) -> None:
        await socket.close(4444, "gone")

    assert talk(serve, ASGI, leave, path="/room/1")[1] == ["disconnect 4444"]


def test_isolates_that_die_leave_no_connection_waiting(serve) -> None:
    """Every conversation ends with an answer or a defined close, and the last one is as good as the first."""

    async def chat(running, over: asyncio.Event) -> set[int]:
        ends = set()
        while not over.is_set():
            try:
                async with client(running) as socket:
                    while not over.is_set():
                        assert await echoed(socket, "still there?") == ["still there?"]
            except ConnectionClosed as end:
                ends.add(end.rcvd.code if end.rcvd else 1006)
            except InvalidStatus as refused:
                ends.add(refused.response.status_code)
        return ends

    async def run() -> tuple[set[int], list[str | bytes]]:
        async with serve(handler()) as running:
            over = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                chats = [tasks.create_task(chat(running, over)) for _ in range(20)]
                killed: list[int] = []
                while (pid := await running.pid()) in killed or len(killed) < 5:
                    if pid not in killed:
                        async with client(running) as socket:
                            await echoed(socket, "up")
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                    await asyncio.sleep(0)
                over.set()
            async with client(running) as socket:
                return set().union(*(task.result() for task in chats)), await echoed(socket, "the last")

    ends, last = asyncio.run(run())
    assert last == ["the last"]
    assert ends <= {1011, 500}
    assert 1011 in ends
