"""env.AI in a handler, over the channel, with a scripted engine."""

import asyncio
import logging
import os
import signal
import textwrap

import httpx
import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import EngineDead
from paddock.worker.answers import Front
from paddock.worker.log import ai_fields

ASK = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        answer = await self.env.AI.run("@cf/microsoft/phi-2", await request.json())
        same = answer.response == answer["response"]
        seen = {"text": answer.response, "same": same, "usage": answer.usage, "dict": isinstance(answer, dict)}
        return Response.json(seen)
"""

STREAM = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        stream = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x", "stream": True})
        return Response(stream, headers={"content-type": "text/event-stream"})
"""

READ = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        stream = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x", "stream": True})
        pieces = [chunk.to_bytes() async for chunk in stream]
        return Response(b"".join(pieces))
"""


def test_calls_know_the_request_that_the_log_names(serve, caplog) -> None:
    """DT-023: for the line that each call has at debug; where the log names no requests, they know none."""

    async def run() -> list[CallRecord]:
        ended: list[CallRecord] = []
        for names in (True, False):
            async with serve(
                ASK, ScriptedEngine(["a b"]), front=Front(names_requests=names), on_end=ended.append
            ) as running:
                await running.client.post("/", json={"prompt": "hi"})
        return ended

    with caplog.at_level(logging.INFO, "paddock.request"):
        named, unnamed = asyncio.run(run())
    (request_id,) = {line.fields["request_id"] for line in caplog.records if hasattr(line, "fields")}
    assert str(ai_fields(named)).startswith(f"request_id={request_id} model=@cf/microsoft/phi-2 task=")
    assert str(ai_fields(unnamed)).startswith("model=@cf/microsoft/phi-2 task=")


@pytest.mark.parametrize("source", [STREAM, READ], ids=["by reference", "read in the handler"])
def test_a_stream_is_the_same_whether_the_handler_reads_it_or_not(serve, source: str) -> None:
    """WA-147, PW-138, PW-139"""

    async def run() -> None:
        async with serve(source, ScriptedEngine(["one two three"])) as running:
            text = (await running.client.get("/")).text
            assert text.count("data: ") == 5
            assert text.endswith("data: [DONE]\n\n")

    asyncio.run(run())


def test_the_first_piece_arrives_before_the_second_is_made(serve) -> None:
    """WA-064"""
    gate = Gate()

    async def run() -> None:
        async with (
            serve(STREAM, ScriptedEngine(["one two"], gate=gate)) as running,
            running.client.stream("GET", "/") as reply,
        ):
            gate.let(1)
            pieces = reply.aiter_bytes()
            assert b"one" in await anext(pieces)
            gate.open()
            assert b"[DONE]" in b"".join([piece async for piece in pieces])

    gate.let(1)
    asyncio.run(run())


@pytest.mark.parametrize("source", [STREAM, READ], ids=["by reference", "read in the handler"])
def test_a_client_that_leaves_aborts_the_generation(serve, until, source: str) -> None:
    """WA-065, PW-140: client gone -> request cancelled -> stream closed -> engine aborts."""
    gate = Gate()
    engine = ScriptedEngine(["one two three"], gate=gate)

    async def run() -> None:
        async with serve(source, engine) as running:
            client = asyncio.ensure_future(running.client.get("/"))  # noqa: TID251 - ended by this test
            gate.let(1)
            await gate.arrival()
            client.cancel()
            await until(lambda: engine.aborts)

    asyncio.run(run())
    assert engine.open == 0


ABORTING = """
from js import AbortController
from pyodide.ffi import JsException
from workers import Response, WorkerEntrypoint

PHI = "@cf/microsoft/phi-2"

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        try:
            return Response.json(await self.case(self.env.AI))
        except JsException as error:
            return Response.json([error.name, error.message])

    async def case(self, AI):
%s
"""


def aborted(serve, until, body: str, gate: Gate) -> object:
    """What the handler answers after its abort; returns when the engine has seen the abort, too."""
    engine = ScriptedEngine(["one two"], gate=gate)

    async def run() -> object:
        async with serve(ABORTING % textwrap.indent(body.strip(), " " * 8), engine) as running:
            reply = await running.client.get("/")
            await until(lambda: engine.aborts)
            return reply.json()

    return asyncio.run(run())


def test_an_abort_in_mid_run_rejects_and_reaches_the_engine(serve, until) -> None:
    body = """
controller = AbortController.new()
running = AI.run(PHI, {"prompt": "x"}, {"signal": controller.signal})
try:
    await AI.run("@cf/x/y", {})
except JsException:
    controller.abort()  # the first run is with the engine by now
return await running
"""
    assert aborted(serve, until, body, Gate()) == ["AbortError", "The operation was aborted"]


def test_an_abort_in_mid_stream_ends_the_stream_and_reaches_the_engine(serve, until) -> None:
    body = """
controller = AbortController.new()
options = {"signal": controller.signal}
reader = (await AI.run(PHI, {"prompt": "x", "stream": True}, options)).getReader()
await reader.read()
controller.abort()
return await reader.read()
"""
    gate = Gate()
    gate.let(1)
    assert aborted(serve, until, body, gate) == ["AbortError", "The operation was aborted"]


def test_two_runs_of_one_request_overlap(serve, until) -> None:
    """PW-144"""
    source = """
import asyncio
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        runs = [self.env.AI.run("@cf/microsoft/phi-2", {"prompt": str(i)}) for i in range(2)]
        return Response.json([answer.response for answer in await asyncio.gather(*runs)])
"""
    gate = Gate()
    engine = ScriptedEngine(["a", "b"], gate=gate)

    async def run() -> None:
        async with serve(source, engine) as running, asyncio.TaskGroup() as tasks:
            reply = tasks.create_task(running.client.get("/"))
            await until(lambda: gate.held == 2)
            gate.open()
            assert sorted((await reply).json()) == ["a", "b"]

    asyncio.run(run())


def test_an_isolate_killed_in_mid_stream_breaks_its_calls_off_and_the_next_call_works(serve) -> None:
    gate = Gate()
    engine = ScriptedEngine(["one two three", "fine"], gate=gate)

    async def run() -> None:
        async with serve(READ, engine) as running:
            gate.let(1)
            async with asyncio.TaskGroup() as tasks:
                broken = tasks.create_task(running.client.get("/"))
                await gate.arrival()
                old = await running.pid()
                os.kill(old, signal.SIGKILL)
                reply = await broken
            assert reply.status_code == 500
            assert "SIGKILL" in reply.text
            gate.open()
            assert "fine" in (await running.client.get("/")).text
            assert await running.pid() != old

    asyncio.run(run())
    assert len(engine.aborts) == 1


def test_an_unread_stream_of_a_finished_request_is_closed(serve, until) -> None:
    source = STREAM.replace("return Response(stream", "return Response('ignored'")
    gate = Gate()
    engine = ScriptedEngine(["one two three"], gate=gate)

    async def run() -> None:
        async with serve(source, engine) as running:
            gate.let(1)
            assert (await running.client.get("/")).text == "ignored"
            await until(lambda: engine.aborts)

    asyncio.run(run())


def test_rest_and_handler_are_one_service(serve) -> None:
    async def run() -> None:
        async with serve(ASK, ScriptedEngine(["by rest", "by handler"])) as running:
            rest = await running.client.post("/client/v4/accounts/a/ai/run/@cf/microsoft/phi-2", json={"prompt": "x"})
            assert rest.json()["result"]["response"] == "by rest"
            assert rest.headers["paddock-weights"] == "stand_in"
            assert (await running.client.post("/", json={"prompt": "x"})).json()["text"] == "by handler"

    asyncio.run(run())


def test_an_engine_that_dies_in_mid_stream_breaks_its_stream_off_and_nothing_else(serve) -> None:
    source = READ.replace("pieces = [", "pieces = []\n        try:\n            pieces = [").replace(
        "in stream]", "in stream]\n        except Exception as error:\n            return Response(str(error))"
    )
    engine = ScriptedEngine([["one", EngineDead("the engine host died: signal 9")], "fine"])

    async def run() -> None:
        async with serve(source, engine) as running:
            assert "signal 9" in (await running.client.get("/")).text
            pid = await running.pid()
            assert "fine" in (await running.client.get("/")).text
            assert await running.pid() == pid, "the isolate is not to blame"

    asyncio.run(run())


def test_a_stream_that_breaks_by_reference_does_not_end_as_if_it_were_complete(serve) -> None:
    engine = ScriptedEngine([["one", EngineDead("the engine host died: signal 9")], "fine"])

    async def run() -> None:
        async with serve(STREAM, engine) as running:
            with pytest.raises(httpx.RemoteProtocolError):
                await running.client.get("/")
            assert "fine" in (await running.client.get("/")).text

    asyncio.run(run())


def test_a_chunked_body_over_the_limit_is_413_whatever_the_handler_does(serve) -> None:
    """PW-163"""

    async def too_much():
        for _ in range(30):
            yield b"x" * 1_000_000

    async def run() -> None:
        async with serve(ASK, ScriptedEngine(["fine"])) as running:
            reply = await running.client.post("/", content=too_much())
            assert reply.status_code == 413
            assert (await running.client.post("/", json={"prompt": "x"})).json()["text"] == "fine"

    asyncio.run(run())


def test_a_hostile_body_is_refused_and_the_server_stays_up(serve) -> None:
    async def run() -> None:
        async with serve(ASK, ScriptedEngine(["fine"])) as running:
            for path in ("/", "/client/v4/accounts/a/ai/run/@cf/microsoft/phi-2"):
                reply = await running.client.post(path, content=b"x" * 20_000_000)
                assert reply.status_code == 413
                assert "at most 10000000 bytes" in reply.text
            assert (await running.client.post("/", json={"prompt": "x"})).json()["text"] == "fine"

    asyncio.run(run())
