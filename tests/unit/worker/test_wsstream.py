"""The stream between hypercorn and the app: hypercorn's own parts around it, wsproto as the client."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.protocol.events import Data, Request, StreamClosed
from hypercorn.typing import ConnectionState
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from paddock.worker.wsstream import ClientStream

HEADERS = [
    (b"connection", b"upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
]  # fmt: skip

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Conversation:
    """A stream with an app, and the client at its other side."""

    def __init__(self, app: Callable[[Receive, Send], Awaitable[None]], tasks: TaskGroup) -> None:
        async def wrapped(scope: Any, receive: Receive, send: Send, *_: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            self.accepted.set()
            await app(receive, send)

        self.accepted, self.heard = asyncio.Event(), asyncio.Event()
        self.client = Connection(ConnectionType.CLIENT)
        self.stream = ClientStream(wrapped, Config(), WorkerContext(None), tasks, False, None, None, self._take, 1)

    async def _take(self, event: Any) -> None:
        if isinstance(event, Data):
            self.client.receive_data(event.data)
            self.heard.set()

    async def open(self) -> None:
        await self.stream.handle(Request(1, HEADERS, "1.1", "GET", b"/", ConnectionState({})))
        await self.accepted.wait()

    async def say(self, *events: Any) -> None:
        await self.stream.handle(Data(1, b"".join(bytes(self.client.send(event)) for event in events)))


def talk(app: Callable[[Receive, Send], Awaitable[None]], script: Callable[[Conversation], Awaitable[Any]]) -> Any:
    """What the script returns of a conversation with the app."""

    async def main() -> Any:
        async with asyncio.timeout(10), TaskGroup(asyncio.get_running_loop()) as tasks:
            conversation = Conversation(app, tasks)
            await conversation.open()
            result = await script(conversation)
            await conversation.stream.handle(StreamClosed(1))
        return result

    return asyncio.run(main())


class Listening:
    """An app that takes every message until the connection is down."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []

    async def __call__(self, receive: Receive, send: Send) -> None:
        while not self.got or self.got[-1].get("paddock.end") != "gone":
            self.got.append(await receive())

    @property
    def ends(self) -> list[tuple[str, int, str]]:
        return [(m["paddock.end"], m["code"], m["reason"]) for m in self.got if m["type"] == "websocket.disconnect"]


def test_parts_become_messages_and_pings_are_answered() -> None:
    app = Listening()

    async def script(conversation: Conversation) -> list[Any]:
        await conversation.say(
            TextMessage("a", message_finished=False), Ping(b"?"), TextMessage("\N{SNOWMAN}"), BytesMessage(b"\xff")
        )
        return list(conversation.client.events())

    (pong,) = talk(app, script)
    assert (type(pong), bytes(pong.payload)) == (Pong, b"?")
    assert [message.get("text") or message.get("bytes") for message in app.got[:2]] == ["a\N{SNOWMAN}", b"\xff"]


def test_the_clients_code_is_told_and_the_answer_is_the_apps() -> None:
    async def app(receive: Receive, send: Send) -> None:
        told = await receive()
        assert (told["paddock.end"], told["code"], told["reason"]) == ("closed", 4000, "bye")
        await send({"type": "websocket.close", "code": 4001, "reason": "you, too"})

    async def script(conversation: Conversation) -> list[Any]:
        await conversation.say(CloseConnection(4000, "bye"))
        await conversation.heard.wait()
        return list(conversation.client.events())

    (answer,) = talk(app, script)
    assert (answer.code, answer.reason) == (4001, "you, too")


def test_a_close_without_a_code_stays_one() -> None:
    async def app(receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": 1005})

    async def script(conversation: Conversation) -> list[Any]:
        await conversation.heard.wait()
        return list(conversation.client.events())

    assert talk(app, script)[0].code == 1005


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x82\0\0\0\0\xc3\x28", 1007),  # text that is not UTF-8
        (b"\x82\x01x", 1002),  # not masked, as a client has to
        (b"\xf2\x80\0\0\0\0", 1002),  # bits that no extension has asked for
        (b"\x80\x80\0\0\0\0", 1002),  # the continuation of nothing
        (b"\x88\x81\0\0\0\0x", 1002),  # half a code
        (b"\x88\x82\0\0\0\0\x03\xed", 1002),  # 1005 is not for frames
    ],
)
def test_broken_frames_are_told_to_both_sides(data: bytes, code: int) -> None:
    app = Listening()

    async def script(conversation: Conversation) -> list[Any]:
        await conversation.stream.handle(Data(1, data))
        await conversation.stream.handle(Data(1, b"\x81\x80\0\0\0\0"))  # not listened to any more
        return list(conversation.client.events())

    (frame,) = talk(app, script)
    assert frame.code == code
    assert [end[:2] for end in app.ends] == [("failed", code), ("gone", 1006)]


def test_a_client_that_hangs_up_is_gone() -> None:
    app = Listening()

    async def script(conversation: Conversation) -> None:
        await conversation.say(TextMessage("a"))

    talk(app, script)
    assert app.ends == [("gone", 1006, "")]


def test_a_client_waits_for_a_slow_app_and_no_longer_than_for_its_end() -> None:
    leave = asyncio.Event()

    async def app(receive: Receive, send: Send) -> None:
        assert len((await receive())["bytes"]) == 700_000
        await leave.wait()

    async def script(conversation: Conversation) -> list[bool]:
        messages = asyncio.get_running_loop().create_task(conversation.say(*[BytesMessage(b"x" * 700_000)] * 4))
        for _ in range(50):
            await asyncio.sleep(0)
        is_waiting = not messages.done()
        leave.set()
        await messages
        return [is_waiting, messages.done()]

    assert talk(app, script) == [True, True]
