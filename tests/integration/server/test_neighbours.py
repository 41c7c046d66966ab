"""Service bindings from one worker of a session to another, in a real `paddock dev`."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRONT = """
import json
from js import File, Headers, Object, ReadableStream, WebSocketPair
from pyodide.ffi import JsException, create_proxy, to_js
from workers import Request, Response, WorkerEntrypoint

class Named(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("front")

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = request.url.split("?")[0].rpartition("/")[2]
        if path in ("through", "socket"):
            return await self.env.BACK.fetch(request)
        if path == "deeper":
            return await self.env.BACK.fetch("https://any/deeper")
        # What a test asks for.
        scope = globals() | {}
        exec(await request.text(), scope)
        return await scope["run"](self, self.env)
"""
BACK = """
import os
import signal
from js import WebSocketPair
from pyodide.ffi import create_proxy
from workers import Response, WorkerEntrypoint

class Greeter(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(f"{self.ctx.props.greeting} {request.method} {await request.text()}")

    calls = 0

    def greet(self, name, options=None):
        self.calls += 1
        return {"text": f"{self.ctx.props.greeting} {name}", "calls": self.calls, "options": options}

    async def echo(self, value):
        return value

    async def apply(self, function):
        global kept
        kept = function
        return await function(2)

    async def apply_later(self):
        return await kept(2)

    def doubler(self):
        return lambda n: 2 * n

    def fails(self):
        raise ValueError("boom")

    def dies(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def _private(self):
        return "secret"

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        if controller.cron == "fail":
            raise ValueError("failed")
        controller.noRetry()

    async def queue(self, batch, env, ctx):
        first, second = batch.messages
        assert (batch.queue, first.id, first.attempts, first.body.n) == ("jobs", "a", 2, 1), first
        first.ack()
        second.retry(delaySeconds=5)

    async def fetch(self, request):
        path = request.url.split("?")[0].rpartition("/")[2]
        if path == "through":
            return Response(request.body, status=201, headers={"x-back": request.headers.get("x-front") or ""})
        if path == "deeper":
            return await self.env.FRONT.fetch("https://any/deeper")
        if path == "moved":
            return Response(None, status=303, headers={"location": "/length"})
        if path == "length":
            return Response(f"{request.method} {request.headers.get('content-length')}")
        if path == "raises":
            raise KeyError("inner")
        if path == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if path == "socket":
            client, server = WebSocketPair.new().object_values()
            server.accept()
            server.addEventListener("message", create_proxy(lambda event: server.send(event.data + "!")))
            return Response(None, status=101, web_socket=client)
        return Response("back")
"""
BASE = """
name = "{name}"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers", "service_binding_extra_handlers"]
[paddock.engine]
kind = "off"
"""
SERVICE = '[[services]]\nbinding = "{}"\nservice = "{}"\n'
GREETER = SERVICE.format("GREETER", "back") + 'entrypoint = "Greeter"\nprops = {greeting = "Howdy"}\n'


def worker(folder: Path, name: str, handler: str, text: str) -> tuple[str, str]:
    place = folder / name
    place.mkdir()
    (place / "handler.py").write_text(handler)
    (place / "wrangler.toml").write_text(BASE.format(name=name) + text)
    return "-c", str(place / "wrangler.toml")


@pytest.fixture(scope="module")
def client(start_dev, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("session")
    nobody = SERVICE.format("NOBODY", "back") + 'entrypoint = "Nobody"\n'
    front = worker(folder, "front", FRONT, SERVICE.format("BACK", "back") + GREETER + nobody)
    back = worker(folder, "back", BACK, SERVICE.format("FRONT", "front"))
    server = start_dev(folder, folder / "ready", *front, *back)
    with server.client as client:
        yield client
    assert server.stop() == 130


def ask(client: httpx.Client, code: str) -> httpx.Response:
    """What the front worker answers when it runs this code."""
    body = "async def run(self, env):\n" + indent(code.strip(), "    ")
    return client.post("/", content=body)


def test_a_request_and_its_stream_are_handed_through_two_workers(client: httpx.Client) -> None:
    """DT-047, PW-039"""
    sent = bytes(range(256)) * 2000
    reply = client.post("/through", content=sent, headers={"x-front": "1"})
    assert (reply.status_code, reply.content, reply.headers["x-back"]) == (201, sent, "1")


def test_a_named_entrypoint_of_another_worker_has_its_props(client: httpx.Client) -> None:
    """PW-039"""
    code = """
reply = await env.GREETER.fetch("https://any/", method="PUT", body="x")
return Response(await reply.text())
"""
    assert ask(client, code).text == "Howdy PUT x"


def test_a_redirect_leads_to_the_same_worker_and_a_body_has_its_length(client: httpx.Client) -> None:
    code = """
sent = await env.BACK.fetch("https://any/length", method="POST", body="h\u00e9llo")
moved = await env.BACK.fetch("https://any/moved", method="POST", body="x")
return Response.json([await sent.text(), await moved.text(), moved.url])
"""
    assert ask(client, code).json() == ["POST 6", "GET None", "https://any/length"]


def test_what_the_callee_raises_arrives_as_an_error(client: httpx.Client) -> None:
    """PW-039"""
    code = """
try:
    await env.BACK.fetch("https://any/raises")
except OSError as error:
    return Response(str(error))
"""
    reply = ask(client, code)
    assert reply.status_code == 200
    first, *_, raised = reply.text.strip().split("\n")
    assert (first, raised) == ("Traceback (most recent call last):", "KeyError: 'inner'")


def test_a_callee_that_is_killed_fails_the_call_and_is_there_for_the_next(client: httpx.Client) -> None:
    code = """
try:
    await env.BACK.fetch("https://any/dies")
except OSError as error:
    reply = await env.BACK.fetch("https://any/")
    return Response.json([str(error), await reply.text()])
"""
    message, text = ask(client, code).json()
    assert message.startswith('The worker "back" could not answer: ')
    assert "SIGKILL" in message
    assert text == "back"


def test_workers_that_call_each_other_for_ever_are_stopped(client: httpx.Client) -> None:
    reply = client.get("/deeper")
    assert reply.status_code == 500
    assert "Subrequest depth limit exceeded" in reply.text


def test_a_websocket_reaches_the_client_through_two_workers(client: httpx.Client) -> None:
    """PW-157"""
    with connect(str(client.base_url.copy_with(scheme="ws", path="/socket"))) as socket:
        socket.send("hello")
        assert socket.recv() == "hello!"


@pytest.mark.parametrize(("cron", "outcome"), [("* * * * *", ["ok", True]), ("fail", ["exception", False])])
def test_another_worker_takes_a_scheduled_event(client: httpx.Client, cron: str, outcome: list[object]) -> None:
    """PW-026, PW-027. Source: workerd, api/http, Fetcher::scheduled."""
    code = f"""
result = await env.BACK.scheduled(cron="{cron}")
return Response.json([result.outcome, result.noRetry])
"""
    assert ask(client, code).json() == outcome


def test_another_worker_takes_a_batch(client: httpx.Client) -> None:
    """PW-033. Source: workerd, api/http, Fetcher::queue."""
    code = """
from js import Date
messages = [{"id": "a", "timestamp": Date.new(0), "attempts": 2, "body": {"n": 1}}]
messages.append({"id": "b", "timestamp": Date.new(0), "attempts": 1, "body": "text"})
result = await env.BACK.queue("jobs", messages)
try:
    await env.BACK.queue("jobs", [{"id": "a", "timestamp": Date.new(0), "attempts": 1}])
except JsException as error:
    return Response.json([result, str(error)])
"""
    result, error = ask(client, code).json()
    assert result == {
        "outcome": "ok",
        "ackAll": False,
        "retryBatch": {"retry": False},
        "explicitAcks": ["a"],
        "retryMessages": [{"msgId": "b", "delaySeconds": 5}],
    }
    assert error == "TypeError: Expected one of body or serializedBody for each message"


def test_a_method_of_another_worker_is_called(client: httpx.Client) -> None:
    """PW-039, DT-047"""
    code = "return Response.json([await env.GREETER.greet('Ann', polite=True) for _ in range(2)])"
    greeting = {"text": "Howdy Ann", "calls": 1, "options": {"polite": True}}
    assert ask(client, code).json() == [greeting, greeting]


def test_values_come_back_as_pythons_own(client: httpx.Client) -> None:
    code = """
from datetime import datetime
values = [
    1, 1.5, True, None, "x\u00e9", [1, {"a": [2]}], {1, 2}, 2**70, b"bytes", datetime(2026, 1, 2),
    Response("body", status=201, headers={"a": "b"}), Request("https://any/", method="POST", body="asked"),
]
back = [await env.GREETER.echo(value) for value in values]
assert back[:8] == values[:8], back
assert bytes(back[8]) == b"bytes" and back[9] == values[9], back
response, request = back[10:]
bodies = [await response.text(), await request.text()]
return Response.json([*bodies, response.status, response.headers["a"], request.method])
"""
    assert ask(client, code).json() == ["body", "asked", 201, "b", "POST"]


def test_a_stream_in_a_value_is_read_on_the_other_side(client: httpx.Client) -> None:
    code = """
stream = ReadableStream.from_(to_js([b"one ", b"two"]))
back = await env.GREETER._binding.echo(Object.fromEntries(to_js([["inside", stream]])))
return Response(back.inside)
"""
    assert ask(client, code).text == "one two"


def test_functions_are_called_where_they_live(client: httpx.Client) -> None:
    """Both ways: as arguments until the call returns, as results until the caller's event is over."""
    code = """
applied = await env.GREETER.apply(lambda n: n + 40)
double = await env.GREETER.doubler()
try:
    await env.GREETER.apply_later()
except JsException as error:
    return Response.json([applied, await double(4), await double(5), str(error).strip().splitlines()[-1]])
"""
    gone = "RPC stub used after being disposed."
    *numbers, error = ask(client, code).json()
    assert numbers == [42, 8, 10]
    assert gone in error


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("GREETER._private()", 'TypeError: The RPC receiver does not implement the method "_private".'),
        ("GREETER.missing()", "TypeError: Method missing does not exist"),
        ("GREETER.fails()", "ValueError: boom"),
        ("GREETER.dies()", 'The worker "back" could not answer: The worker\'s process ended: signal SIGKILL.'),
        ("GREETER.echo(object())", 'DataCloneError: Could not serialize object of type "PyProxy".'),
        ("GREETER.echo(env.BACK)", 'DataCloneError: Could not send an object of type "Fetcher" to another worker'),
        ("GREETER.echo('x' * 2**25)", "Serialized RPC arguments or return values are limited to 32MiB"),
        ("NOBODY.greet()", 'The entrypoint "Nobody" is not exported by handler.py'),
    ],
)
def test_calls_that_fail_say_why(client: httpx.Client, call: str, said: str) -> None:
    """PW-039"""
    code = f"""
try:
    await env.{call}
except JsException as error:
    return Response(str(error))
"""
    assert said in ask(client, code).text
