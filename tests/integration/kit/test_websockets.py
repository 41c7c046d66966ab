"""`worker.websocket`: conversations of a test with its worker, in an isolate of its own and in the tests' process."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from paddock.worker.errors import SubprotocolRefused
from paddock.worker.messages import MAX_MESSAGE_BYTES
from paddock.worker.testing import Paddock, UnexpectedAiCall, WebSocketDisconnect, WebSocketUpgradeError

if TYPE_CHECKING:
    import httpx

#: What a message says, the handler does.
SOURCE = """
import asyncio
import json
from js import WebSocketPair
from pyodide.ffi import create_proxy
from workers import Response, WorkerEntrypoint, wait_until

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = "/" + request.url.split("/", 3)[3]
        if path == "/refuse":
            return Response("not today", status=426, headers={"x-why": request.headers["upgrade"]})
        if path == "/raise":
            raise ValueError("no room")
        if path == "/closed":
            return Response(await self.env.NOTES.get("closed"))
        client, server = WebSocketPair.new().object_values()
        server.accept()
        server.binaryType = "arraybuffer"

        async def do(text):
            if text == "ask":
                try:
                    server.send((await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x"}))["response"])
                except Exception:
                    server.close(1011)
                    raise
            if text == "fail silently":
                raise LookupError("nobody knows")
            if text.startswith("count "):
                for number in range(int(text.removeprefix("count "))):
                    server.send(str(number))
                server.close(1000, "counted")
            if text == "fail later":
                await asyncio.sleep(0)
                server.close(1011, "")
                raise LookupError("nobody is there")

        def on_message(event):
            if not isinstance(event.data, str):
                server.send(event.data)
            elif event.data == "leave":
                server.close(4001, "as you wish")
            elif event.data == "drop":
                raise ValueError("boom")
            elif event.data.startswith(("ask", "count ", "fail ")):
                wait_until(do(event.data))
            else:
                server.send(event.data)

        async def note(event):
            await self.env.NOTES.put("closed", json.dumps([event.code, event.reason, event.wasClean]))

        server.addEventListener("message", create_proxy(on_message))
        server.addEventListener("close", create_proxy(lambda event: wait_until(note(event))))
        if path.startswith("/hello"):
            server.send(f"{request.url} {request.headers['x-own']} {request.headers['sec-websocket-version']}")
        headers = {"sec-websocket-protocol": path.removeprefix("/speak/")} if path.startswith("/speak/") else {}
        return Response(None, status=101, web_socket=client, headers=headers)
"""
SETTINGS = {"kv_namespaces": [{"binding": "NOTES", "id": "notes"}]}
WAYS = pytest.mark.parametrize(
    "way",
    [
        pytest.param("process", marks=pytest.mark.paddock(source=SOURCE, settings=SETTINGS)),
        pytest.param("thread", marks=pytest.mark.paddock(source=SOURCE, settings=SETTINGS, in_process=True)),
    ],
)
pytestmark = [pytest.mark.paddock(source=SOURCE, settings=SETTINGS)]


@WAYS
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_texts_and_bytes_come_back_in_coroutines(worker: Paddock, way: str) -> None:
    sent = ["", "héllo \N{SNOWMAN}", b"", bytes(range(256)), "x" * 300_000, b"\x00\xff" * 300_000]
    async with worker.websocket("/chat") as ws:
        for message in sent:
            await ws.send(message)
            assert await ws.receive() == message


@WAYS
def test_texts_and_bytes_come_back_in_plain_functions(worker: Paddock, way: str) -> None:
    with worker.websocket("/chat") as ws:
        for message in ("one", b"two"):
            ws.send(message)  # it is sent, whether one waits or not
        assert [ws.receive().result(), ws.receive().result()] == ["one", b"two"]
        ws.send_json({"a": [1, None]}).result()
        assert ws.receive_json().result() == {"a": [1, None]}


def test_the_handler_sees_the_request_of_a_client(worker: Paddock) -> None:
    with worker.websocket("/hello", headers={"x-own": "1"}, params={"a": "b"}) as ws:
        assert ws.response.status_code == 101
        assert ws.receive().result() == "http://worker.test/hello?a=b 1 13"
    with worker.websocket("wss://example.com/hello", headers={"x-own": "2"}) as ws:
        assert ws.receive().result() == "https://example.com/hello 2 13"


def test_the_handler_chooses_the_subprotocol(worker: Paddock) -> None:
    with worker.websocket("/speak/chat.v2", subprotocols=["chat.v1", "chat.v2"]) as ws:
        assert ws.subprotocol == "chat.v2"
    with worker.websocket("/chat", subprotocols=["chat.v1"]) as ws:
        assert ws.subprotocol is None
    with pytest.raises(SubprotocolRefused, match="offered \\(chat\\.v1\\); the handler answered 'other'"):
        worker.websocket("/speak/other", subprotocols=["chat.v1"]).__enter__()


@WAYS
def test_many_messages_stream_until_the_handler_closes(worker: Paddock, way: str) -> None:
    with worker.websocket("/chat") as ws:
        ws.send("count 500")
        assert list(ws) == [str(number) for number in range(500)]
        assert ws.close_code == 1000
        with pytest.raises(WebSocketDisconnect, match="1000 counted"):
            ws.receive().result()


@pytest.mark.anyio
async def test_coroutines_iterate_as_well(worker: Paddock) -> None:
    async with worker.websocket("/chat") as ws:
        await ws.send("count 3")
        assert [message async for message in ws] == ["0", "1", "2"]


def test_the_handlers_close_is_answered_and_reaches_the_test(worker: Paddock) -> None:
    with worker.websocket("/chat") as ws:
        ws.send("leave")
        with pytest.raises(WebSocketDisconnect) as raised:
            list(ws)
        assert (raised.value.code, raised.value.reason, ws.close_code) == (4001, "as you wish", 4001)
        with pytest.raises(WebSocketDisconnect, match="4001 as you wish"):
            ws.send("too late").result()
    worker.ctx.drain().result()
    assert json.loads(worker.fetch("/closed").result().text) == [4001, "as you wish", True]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4321, "bye \N{SNOWMAN}")])
def test_the_tests_close_reaches_the_handler_and_is_answered(worker: Paddock, code: int, reason: str) -> None:
    with worker.websocket("/chat") as ws:
        ws.close(code, reason).result()
        assert ws.close_code == code
        with pytest.raises(WebSocketDisconnect):
            ws.receive().result()
    worker.ctx.drain().result()
    assert json.loads(worker.fetch("/closed").result().text) == [code, reason, True]


def test_the_end_of_the_block_closes(worker: Paddock) -> None:
    with worker.websocket("/chat") as ws:
        ws.send("unread")
    assert ws.close_code == 1000
    worker.ctx.drain().result()
    assert json.loads(worker.fetch("/closed").result().text) == [1000, "", True]


def test_a_test_that_fails_hangs_up_and_keeps_its_own_exception(worker: Paddock) -> None:
    with pytest.raises(KeyError, match="mine"), worker.websocket("/chat") as ws:
        ws.send("unread")
        raise KeyError("mine")
    worker.ctx.drain().result()
    code, _, is_clean = json.loads(worker.fetch("/closed").result().text)
    assert (code, is_clean) == (1006, False)


@WAYS
def test_an_exception_before_the_answer_is_raised(worker: Paddock, way: str) -> None:
    """DT-040"""
    with pytest.raises(ValueError, match="no room"):
        worker.websocket("/raise").__enter__()


@WAYS
def test_an_exception_of_a_listener_is_raised_with_its_traceback(worker: Paddock, way: str) -> None:
    """DT-040"""
    with worker.websocket("/chat") as ws:
        ws.send("drop")
        with pytest.raises(ValueError, match="boom") as raised:
            ws.receive().result()
        frame = raised.traceback[-1]
        assert (frame.name.rpartition(".")[2], str(frame.statement).strip()) == (
            "on_message",
            'raise ValueError("boom")',
        )


@WAYS
def test_an_exception_that_nobody_has_seen_is_raised_by_the_end_of_the_block(worker: Paddock, way: str) -> None:
    """DT-040"""
    with pytest.raises(ValueError, match="boom"), worker.websocket("/chat") as ws:
        ws.send("drop")


def test_an_exception_in_the_background_stands_behind_a_close_with_1011(worker: Paddock) -> None:
    """DT-040"""
    with worker.websocket("/chat") as ws:
        ws.send("fail later")
        with pytest.raises(LookupError, match="nobody is there"):
            ws.receive().result()


def test_an_exception_in_the_background_ends_the_wait_for_an_answer(worker: Paddock) -> None:
    """DT-040"""
    with worker.websocket("/chat") as ws:
        ws.send("first")
        ws.send("fail silently")
        assert ws.receive().result() == "first"
        with pytest.raises(LookupError, match="nobody knows"):
            ws.receive().result()


def test_a_conversation_goes_on_behind_an_exception_that_the_test_knows(worker: Paddock) -> None:
    with worker.websocket("/chat") as ws:
        ws.send("fail silently").result()
        ws.send("then").result()
        with pytest.raises(LookupError, match="nobody knows"):
            worker.ctx.drain().result()
        assert ws.receive().result() == "then"


def test_a_model_that_the_test_has_no_answer_for_is_named(worker: Paddock, ai) -> None:
    ai.reply("Hello.")
    with worker.websocket("/chat") as ws:
        ws.send("ask")
        assert ws.receive().result() == "Hello."
    with pytest.raises(UnexpectedAiCall, match="No reply is left"), worker.websocket("/chat") as ws:
        ws.send("ask")
        ws.receive().result()


def test_a_refusal_has_the_response(worker: Paddock) -> None:
    with pytest.raises(WebSocketUpgradeError, match="the worker answered 426") as raised:
        worker.websocket("/refuse").__enter__()
    response: httpx.Response = raised.value.response
    assert (response.status_code, response.text, response.headers["x-why"]) == (426, "not today", "websocket")


def test_what_no_client_can_send_is_refused(worker: Paddock) -> None:
    with worker.websocket("/chat") as ws:
        with pytest.raises(TypeError, match="expected str or bytes; got dict: use send_json"):
            ws.send({"a": 1})  # type: ignore[arg-type]  # that is the point
        with pytest.raises(ValueError, match="from 1000 to 4999 that a Close frame can have; got 1006"):
            ws.close(1006)
        with pytest.raises(ValueError, match="at most 123 bytes; got 124"):
            ws.close(1000, "x" * 124)


def test_a_message_over_the_limit_ends_the_conversation(worker: Paddock) -> None:
    with worker.websocket("/chat") as ws:
        ws.send(b"x" * MAX_MESSAGE_BYTES).result()
        assert len(ws.receive().result()) == MAX_MESSAGE_BYTES
        ws.send(b"x" * (MAX_MESSAGE_BYTES + 1)).result()
        with pytest.raises(WebSocketDisconnect, match="1009 Message is too large: 33554433 > 33554432"):
            ws.receive().result()


@pytest.mark.paddock(settings={**SETTINGS, "compatibility_date": "2026-03-01"})
def test_a_handler_that_never_answers_a_close_does_not_hold_the_test_up(worker: Paddock) -> None:
    """Before April 2026 the handler had to close its end itself."""
    with worker.websocket("/chat") as ws:
        ws.close(4000).result()
    assert ws.close_code == 1006


@pytest.mark.anyio
async def test_a_wait_that_was_given_up_loses_no_message(worker: Paddock) -> None:
    async with worker.websocket("/chat") as ws:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await ws.receive()
        await ws.send("still there")
        assert await ws.receive() == "still there"


@pytest.mark.anyio
async def test_two_conversations_at_once(worker: Paddock) -> None:
    async with worker.websocket("/chat") as one, worker.websocket("/chat") as other:
        waiting = one.receive()
        await other.send("b")
        assert await other.receive() == "b"
        await one.send("a")
        assert await waiting == "a"


def test_the_timeline_has_what_both_sides_said(worker: Paddock) -> None:
    """DT-093"""
    with worker.websocket("/chat") as ws:
        ws.send("one").result()
        ws.receive().result()
    shown = str(worker.timeline)
    assert [text in shown for text in ("GET http://worker.test/chat -> 101", "-> 'one'", "<- 'one'", "-> close 1000")]
