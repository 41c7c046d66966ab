"""Service bindings of a worker to itself, and to workers that do not run here."""

import re
from collections.abc import Callable

import httpx
import pytest

from paddock.worker.testing import Paddock

from .snippets import SNIPPETS

SOURCE = (
    f"{SNIPPETS}"
    """
import asyncio
from js import AbortController, File, Object, Request, WebSocketPair
from pyodide.ffi import JsException, create_proxy, to_js

class Greeter(WorkerEntrypoint):
    calls = 0

    def greet(self, name, options=None):
        self.calls += 1
        return {"text": f"{self.ctx.props.greeting} {name}", "calls": self.calls, "options": options}

    async def echo(self, value):
        return value

    def apply(self, function):
        return function(2)

    def doubler(self):
        return lambda n: 2 * n

    def fails(self):
        raise ValueError("boom")

    async def in_background(self):
        self.ctx.waitUntil(self.later())

    async def later(self):
        await asyncio.sleep(0)
        print("done later")

    def _private(self):
        return "secret"

    async def fetch(self, request):
        return Response(f"named {request.method} {await request.text()}")


class Default(SnippetEntrypoint):
    async def scheduled(self, controller, env, ctx):
        print("at", controller.cron, controller.scheduledTime)
        if controller.cron == "fail":
            raise ValueError("failed")
        controller.noRetry()

    async def fetch(self, request):
        path = request.url.rpartition("/")[2]
        if path == "inner":
            return Response(request.body, status=201, headers={"x-inner": request.headers["x-a"]})
        if path == "moved":
            status = int(request.headers["x-status"])
            return Response(None, status=status, headers={"location": "/seen"})
        if path == "seen":
            return Response(f"{request.method} {await request.text()}")
        if path == "deeper":
            return await self.env.SELF.fetch(request.url)
        if path == "socket":
            client, server = WebSocketPair.new().object_values()
            server.accept()
            server.addEventListener("message", create_proxy(lambda event: server.send(event.data + "!")))
            return Response(None, status=101, web_socket=client)
        if path == "length":
            return Response(request.headers["content-length"])
        if path == "raises":
            raise KeyError("inner")
        return await self.run(request, self=self, request=request)
"""
)
SETTINGS = {
    "name": "test",
    "services": [
        {"binding": "SELF", "service": "test"},
        {"binding": "GREETER", "service": "test", "entrypoint": "Greeter", "props": {"greeting": "Howdy"}},
        {"binding": "OTHER", "service": "somebody-else", "entrypoint": "Named"},
    ],
}
pytestmark = pytest.mark.paddock(source=SOURCE, settings=SETTINGS)


@pytest.fixture
def ask(run_code) -> Callable[..., httpx.Response]:
    """What the worker answers whose default entrypoint runs the code."""
    return run_code


def test_the_same_isolate_answers_while_the_outer_request_waits(ask) -> None:
    code = """
reply = await self.env.SELF.fetch("https://any/inner", method="POST", body="hi", headers={"x-a": "1"})
return Response(await reply.text(), status=reply.status, headers={"x-inner": reply.headers["x-inner"]})
"""
    reply = ask(code)
    assert (reply.status_code, reply.text, reply.headers["x-inner"]) == (201, "hi", "1")


def test_a_request_and_its_stream_are_handed_through(ask) -> None:
    sent = bytes(range(256)) * 2000
    code = """
request.js_object.headers
from js import Request
return await self.env.SELF.fetch(Request.new("https://any/inner", request.js_object))
"""
    reply = ask(code, content=sent, headers={"x-a": "1"})
    assert (reply.status_code, reply.content) == (201, sent)


@pytest.mark.parametrize(
    ("status", "seen"), [(301, "GET "), (303, "GET "), (307, "POST body")], ids=["301", "303", "307"]
)
def test_a_redirect_leads_to_the_same_worker(ask, status: int, seen: str) -> None:
    code = f"""
options = {{"method": "POST", "body": "body", "headers": {{"x-status": "{status}"}}}}
followed = await self.env.SELF.fetch("https://any/moved", **options)
manual = await self.env.SELF.fetch("https://any/moved", redirect="manual", **options)
return Response.json([await followed.text(), followed.url, manual.status, manual.headers["location"]])
"""
    assert ask(code).json() == [seen, "https://any/seen", status, "/seen"]


def test_a_named_entrypoint_answers_fetches_and_calls(ask) -> None:
    """PW-039"""
    code = """
reply = await self.env.GREETER.fetch("https://any/", method="PUT", body="x")
told = [await self.env.GREETER.greet("Ann", polite=True) for _ in range(2)]
return Response.json([await reply.text(), *told])
"""
    greeting = {"text": "Howdy Ann", "calls": 1, "options": {"polite": True}}
    assert ask(code).json() == ["named PUT x", greeting, greeting]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("GREETER._private()", 'TypeError: The RPC receiver does not implement the method "_private".'),
        ("GREETER.missing()", "TypeError: Method missing does not exist"),
        ("GREETER.fails()", "ValueError: boom"),
        ("GREETER.echo(object())", 'DataCloneError: Could not serialize object of type "PyProxy".'),
        ("GREETER.echo(File.new(to_js(['x']), 'x'))", 'DataCloneError: Could not serialize object of type "File".'),
        ("OTHER.greet()", 'Cannot access "greet" as we couldn\'t find a local dev session for the "Named" entrypoint'),
    ],
)
def test_calls_that_fail_say_why(ask, call: str, said: str) -> None:
    """PW-039"""
    code = f"""
try:
    await self.env.{call}
except JsException as error:
    return Response(str(error))
"""
    assert said in ask(code).text


def test_a_body_arrives_with_its_length(ask) -> None:
    """Source: the SDK's WSGI suite, whose application reads as much as `Content-Length` says."""
    code = """
reply = await self.env.SELF.fetch("https://any/length", method="POST", body="h\u00e9llo")
return Response(await reply.text())
"""
    assert ask(code).text == "6"


def test_a_websocket_is_reached_over_a_binding(ask) -> None:
    """Source: the SDK's suite asgi-ws-disconnect. PW-157"""
    code = """
reply = await self.env.SELF._binding.fetch("https://any/socket", headers=to_js([["upgrade", "websocket"]]))
socket, answer = reply.webSocket, asyncio.get_running_loop().create_future()
socket.accept()
socket.addEventListener("message", create_proxy(lambda event: answer.set_result(event.data)))
socket.send("hi")
return Response(f"{reply.status} {await answer}")
"""
    assert ask(code).text == "101 hi!"


def test_a_websocket_that_was_not_asked_for_is_refused(ask) -> None:
    code = """
try:
    await self.env.SELF._binding.fetch("https://any/socket")
except JsException as error:
    return Response(str(error))
"""
    assert "Worker tried to return a WebSocket" in ask(code).text


def test_a_blob_is_sent_with_its_type(ask) -> None:
    code = """
from workers import Blob
back = await self.env.GREETER.echo(Blob("text", content_type="text/x"))
return Response(f"{type(back).__name__} {await back.text()} {back.content_type}")
"""
    assert ask(code).text == "Blob text text/x"


@pytest.mark.paddock(settings={**SETTINGS, "compatibility_flags": ["python_workers", "service_binding_extra_handlers"]})
def test_an_event_is_delivered_over_a_binding_by_flag(ask, worker: Paddock, capsys: pytest.CaptureFixture[str]) -> None:
    """Source: workerd, Fetcher::scheduled; the SDK's own suite."""
    code = """
good = await self.env.SELF.scheduled(scheduledTime=1000, cron="* * * * 30")
bad = await self.env.SELF.scheduled(cron="fail")
return Response.json([good.outcome, good.noRetry, bad.outcome, bad.noRetry])
"""
    assert ask(code).json() == ["ok", True, "exception", False]
    worker.flush().result()
    assert "at * * * * 30 1000" in capsys.readouterr().out.splitlines()


def test_a_tuple_is_refused_before_it_is_sent(ask) -> None:
    code = """
try:
    await self.env.GREETER.echo((1, 2))
except TypeError as error:
    return Response(str(error))
"""
    assert "cannot be sent over RPC" in ask(code).text


def test_values_come_back_as_pythons_own(ask) -> None:
    code = """
from datetime import datetime
values = [1, 1.5, True, None, "x", [1, {"a": [2]}], {1, 2}, b"bytes", datetime(2026, 1, 2), Response("body")]
back = [await self.env.GREETER.echo(value) for value in values]
assert back[:7] == values[:7], back
assert bytes(back[7]) == b"bytes" and back[8] == values[8]
return Response(await back[9].text())
"""
    assert ask(code).text == "body"


def test_functions_cross_as_stubs(ask) -> None:
    code = """
applied = await self.env.GREETER.apply(lambda n: n + 40)
double = await self.env.GREETER.doubler()
return Response.json([applied, await double(4)])
"""
    assert ask(code).json() == [42, 8]


def test_what_an_inner_event_leaves_to_wait_until_keeps_the_outer_one(
    ask, worker: Paddock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask("await self.env.GREETER.in_background()\nreturn Response('now')").text == "now"
    worker.ctx.drain().result()
    worker.flush().result()
    assert "done later" in capsys.readouterr().out.splitlines()


def test_an_unread_inner_body_holds_nothing_up(ask) -> None:
    code = """
reply = await self.env.SELF.fetch(Request.new("https://any/inner", request.js_object))
return Response(str(reply.status))
"""
    for _ in range(2):
        assert ask(code, content=b"x" * 200_000, headers={"x-a": "1"}).text == "201"


def test_an_exception_inside_reaches_the_caller_with_its_traceback(ask) -> None:
    code = """
try:
    await self.env.SELF.fetch("https://any/raises")
except OSError as error:
    return Response(str(error))
"""
    assert "KeyError: 'inner'" in ask(code).text


ABORTING = """
import asyncio
from js import AbortController
from workers import Response, WorkerEntrypoint

entered = asyncio.Event()

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/hangs"):
            try:
                entered.set()
                await asyncio.get_running_loop().create_future()
            finally:
                print("left")
        controller = AbortController.new()
        reply = asyncio.ensure_future(self.env.SELF.fetch("https://any/hangs", signal=controller.signal))
        await entered.wait()
        controller.abort()
        try:
            await reply
        except OSError as error:
            return Response(type(error).__name__)
"""


@pytest.mark.paddock(source=ABORTING)
def test_an_aborted_fetch_ends_the_inner_event(worker: Paddock, capsys: pytest.CaptureFixture[str]) -> None:
    assert worker.fetch("/").result().text == "AbortError"
    worker.flush().result()
    assert capsys.readouterr().out.splitlines() == ["left"]


def test_endless_recursion_ends(ask) -> None:
    with pytest.raises(Exception, match=r"Subrequest depth limit exceeded\."):
        ask('return await self.env.SELF.fetch("https://any/deeper")')


def test_a_worker_that_does_not_run_here_answers_503(ask) -> None:
    reply = ask('return await self.env.OTHER.fetch("https://any/")')
    assert reply.status_code == 503
    assert 'the "Named" entrypoint of service "somebody-else"' in reply.text


def test_ctx_exports_leads_to_the_own_entrypoints(ask) -> None:
    code = """
told = await self.ctx.exports.Greeter.echo("raw")
reply = await self.ctx.exports.default.fetch("https://any/inner", method="POST", body=told, headers={"x-a": "1"})
return Response(await reply.text())
"""
    assert ask(code).text == "raw"


NAMES = """
from workers import Response, WorkerEntrypoint

class Names(WorkerEntrypoint):
    def send(self, value): return f"sent {value}"
    def next(self): return "next"
    def close(self): return "closed"

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        names = self.env.NAMES
        return Response.json([await names.send("x"), await names.next(), await names.close()])
"""
NAMES_SETTINGS = {"name": "test", "services": [{"binding": "NAMES", "service": "test", "entrypoint": "Names"}]}


@pytest.mark.paddock(source=NAMES, settings=NAMES_SETTINGS)
def test_methods_may_have_the_names_of_pythons_protocols(worker: Paddock) -> None:
    assert worker.fetch("/").result().json() == ["sent x", "next", "closed"]


NOBODY_SETTINGS = {"name": "test", "services": [{"binding": "NOBODY", "service": "test", "entrypoint": "Nobody"}]}


@pytest.mark.paddock(settings=NOBODY_SETTINGS)
def test_an_entrypoint_that_is_not_exported_is_named(ask) -> None:
    said = 'The entrypoint "Nobody" is not exported by handler.py; named entrypoints there: Greeter'
    with pytest.raises(Exception, match=re.escape(said)):
        ask("return Response(await self.env.NOBODY.greet())")
