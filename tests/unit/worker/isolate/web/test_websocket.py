"""WebSocketPair and WebSocket with both ends in one handler; with a network: integration/server/test_websockets.py."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.buffers import ArrayBuffer, uint8_array
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.lanes import Close, Disconnected, Lane
from paddock.worker.isolate.web.objects import jsnull
from paddock.worker.isolate.web.proxies import create_proxy
from paddock.worker.isolate.web.scope import enter_request
from paddock.worker.isolate.web.socketevents import CloseEvent, ErrorEvent, MessageEvent
from paddock.worker.isolate.web.websocket import WebSocket, WebSocketPair


class Heard:
    """The events of a WebSocket as they come: `await heard.next()`."""

    def __init__(self, socket: WebSocket) -> None:
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        for kind in ("message", "close", "error"):
            socket.addEventListener(kind, create_proxy(self._events.put_nowait))

    async def next(self) -> Any:
        return await self._events.get()


def in_pair(test: Callable[[WebSocket, WebSocket], Awaitable[Any]], *, is_accepted: bool = True) -> Any:
    """What `test(one, other)` returns, in an event of its own."""

    async def main() -> Any:
        async with enter_request():
            one, other = WebSocketPair.new()
            if is_accepted:
                one.accept()
                other.accept()
            return await test(one, other)

    return asyncio.run(main())


def test_a_pair_has_two_sockets_and_needs_an_event() -> None:
    async def main() -> list[Any]:
        async with enter_request():
            pair: Any = WebSocketPair.new()
            return [list(pair.object_keys()), [*pair] == [*pair.object_values()], getattr(pair, "1").constructor.name]

    assert asyncio.run(main()) == [["0", "1"], True, "WebSocket"]
    with pytest.raises(JsException, match="global scope"):
        WebSocketPair.new()
    with pytest.raises(JsException, match="use the 'new' operator"):
        WebSocketPair()


def test_messages_go_both_ways_in_order() -> None:
    async def test(one: WebSocket, other: WebSocket) -> list[Any]:
        heard, answers = Heard(other), Heard(one)
        other.binaryType = "arraybuffer"
        for message in ("a", uint8_array(b"\x00\xff"), 5, None, "\ud800"):
            one.send(message)
        other.send("back")
        events = [await heard.next() for _ in range(5)]
        data = [event.data.to_bytes() if isinstance(event.data, ArrayBuffer) else event.data for event in events]
        return [*data, (await answers.next()).data, events[0].type, events[0].target is other]

    expected = ["a", b"\x00\xff", "5", "undefined", "\N{REPLACEMENT CHARACTER}", "back", "message", True]
    assert in_pair(test) == expected


def test_what_was_sent_is_a_copy() -> None:
    async def test(one: WebSocket, other: WebSocket) -> bytes:
        heard, data = Heard(other), uint8_array(bytearray(b"abc"))
        one.send(data)
        data.fill(0)
        blob = (await heard.next()).data
        assert isinstance(blob, Blob)
        return (await blob.arrayBuffer()).to_bytes()

    assert in_pair(test) == b"abc"


@pytest.mark.parametrize(("kind", "result"), [("arraybuffer", "arraybuffer"), ("blob", "blob"), ("other", "blob")])
def test_binary_type_ignores_what_it_does_not_know(kind: str, result: str) -> None:
    async def test(one: WebSocket, _other: WebSocket) -> str:
        one.binaryType = kind
        return one.binaryType

    assert in_pair(test) == result


def test_a_close_is_answered_and_both_ends_are_closed() -> None:
    async def test(one: WebSocket, other: WebSocket) -> list[Any]:
        heard, answers = Heard(other), Heard(one)
        one.close(4000, "bye")
        states = [one.readyState, other.readyState]
        got, answer = await heard.next(), await answers.next()
        seen = [(event.code, event.reason, event.wasClean) for event in (got, answer)]
        return [states, seen, one.readyState, other.readyState]

    assert in_pair(test) == [[2, 1], [(4000, "bye", True)] * 2, WebSocket.CLOSED, WebSocket.CLOSED]


def test_a_half_open_end_may_still_talk() -> None:
    async def test(one: WebSocket, other: WebSocket) -> list[Any]:
        one.accept()
        other.accept(allowHalfOpen=True)
        heard, answers = Heard(other), Heard(one)
        one.close()
        code = (await heard.next()).code
        state = other.readyState
        other.send("one more")
        other.close(1000, "now")
        return [code, state, (await answers.next()).data, (await answers.next()).reason, other.readyState]

    assert in_pair(test, is_accepted=False) == [1005, WebSocket.CLOSING, "one more", "now", WebSocket.CLOSED]


def test_an_older_date_leaves_the_answer_to_the_handler() -> None:
    async def test(one: WebSocket, other: WebSocket) -> list[Any]:
        heard = Heard(other)
        other.send(uint8_array(b"x"))
        one.close(1000, "r" * 200)
        event = await heard.next()
        return [one.binaryType, len(event.reason), other.readyState]

    era.select(era.NEWEST._replace(sockets_get_blobs=False, sockets_answer_close=False, sockets_limit_reason=False))
    try:
        assert in_pair(test) == ["arraybuffer", 200, WebSocket.CLOSING]
    finally:
        era.select(era.NEWEST)


def test_closing_twice_is_quiet_and_sending_after_it_is_not() -> None:
    async def test(one: WebSocket, _other: WebSocket) -> None:
        one.close()
        one.close()
        one.send("late")

    with pytest.raises(JsException, match="Can't call WebSocket send"):
        in_pair(test)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 5000, "x", float("nan")])
def test_codes_that_no_frame_can_carry(code: object) -> None:
    async def test(one: WebSocket, _other: WebSocket) -> None:
        one.close(code)

    with pytest.raises(JsException, match="InvalidAccessError: Invalid WebSocket close code"):
        in_pair(test)


def test_before_accept_nothing_is_sent() -> None:
    async def test(one: WebSocket, _other: WebSocket) -> list[str]:
        texts = []
        for action in (lambda: one.send("x"), lambda: one.close()):
            with pytest.raises(JsException) as raised:
                action()
            texts.append(raised.value.message)
        return texts

    first, second = in_pair(test, is_accepted=False)
    assert first == second
    assert first.startswith("You must call one of accept() or")


def test_an_end_can_be_given_away_once() -> None:
    async def test(one: WebSocket, other: WebSocket) -> list[Any]:
        end = one.release_end()
        other.accept()
        other.send("to whoever has it")
        one.send("dropped")  # as production: silently
        texts = []
        for action in (one.release_end, one.accept, other.release_end):
            with pytest.raises(JsException) as raised:
                action()
            texts.append(raised.value.message)
        return [await end.inbox.get(), *texts]

    assert in_pair(test, is_accepted=False) == [
        "to whoever has it",
        "Can't return WebSocket that was already used in a response.",
        "Can't accept() WebSocket that was already used in a response.",
        "Can't return WebSocket in a Response after calling accept().",
    ]


def test_a_listener_that_raises_ends_the_connection_for_both() -> None:
    async def test(one: WebSocket, other: WebSocket) -> list[Any]:
        heard, others = Heard(one), Heard(other)

        def listener(_event: object) -> None:
            raise ValueError("boom")

        one.onmessage = listener  # type: ignore[attr-defined]  # a JavaScript object takes any member
        other.send("go")
        error, close = await heard.next(), await others.next()
        one.send("dropped")
        return [error.type, str(error.error), one.readyState, (close.code, close.wasClean)]

    assert in_pair(test) == ["error", "boom", WebSocket.CLOSED, (1006, False)]


def test_a_coroutine_may_listen() -> None:
    async def test(one: WebSocket, other: WebSocket) -> str:
        came: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def listener(event: MessageEvent) -> None:
            await asyncio.sleep(0)
            came.set_result(str(event.data))

        one.addEventListener("message", create_proxy(listener))
        other.send("hi")
        return await came

    assert in_pair(test) == "hi"


def test_the_end_of_the_event_ends_its_sockets() -> None:
    async def main() -> Any:
        async with enter_request():
            one, other = WebSocketPair.new()
            one.accept()
            end = other.release_end()
            await asyncio.sleep(0)
        with pytest.raises(Disconnected):
            await end.inbox.get()

    asyncio.run(main())


def test_a_socket_that_nobody_has_any_more_breaks_the_connection() -> None:
    async def main() -> Any:
        async with enter_request():
            one, other = WebSocketPair.new()
            end = one.release_end()
            end.outbox.put("never taken")
            del one, other
            gc.collect()
            await end.outbox.taken()
            with pytest.raises(Disconnected):
                await end.inbox.get()

    asyncio.run(main())


def test_a_lane_drops_what_nobody_will_read() -> None:
    async def main() -> list[Any]:
        lane = Lane()
        lane.put("a")
        lane.put(Close(1000, ""))
        got = [await lane.get()]
        lane.abandon()
        lane.put("late")
        await lane.taken()
        with pytest.raises(Disconnected):
            await lane.get()
        return got

    assert asyncio.run(main()) == ["a"]


def test_events_can_be_made() -> None:
    message, close = MessageEvent.new("message", data="x"), CloseEvent.new("close", code=1000, reason="\ud807")
    assert (message.data, list(message.ports), message.origin) == ("x", [], jsnull)
    assert (close.code, close.reason, close.wasClean) == (1000, "\N{REPLACEMENT CHARACTER}", False)
    assert (CloseEvent.new("close").code, ErrorEvent.new("error", message="m").message) == (0, "m")
