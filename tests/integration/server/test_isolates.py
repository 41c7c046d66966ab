"""Isolates that start, leave and break at the wrong moment, and handlers that want them to."""

import asyncio
import functools
import os
import shutil
import signal

import pytest

HANDLER = """
import asyncio
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/alive"):
            return Response("yes")
        %s
"""

STREAM = """
from js import TransformStream
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        stream = TransformStream.new()
        self.ctx.waitUntil(self.write(stream.writable.getWriter()))
        return Response(stream.readable)

    async def write(self, writer):
        for _ in range(20):
            await writer.write(to_js(b"x" * 60000))
        await writer.close()
"""

ENDLESS = """
from js import Object, ReadableStream
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/alive"):
            return Response("yes")
        source = {"pull": self.pull, "cancel": self.cancel}
        return Response(ReadableStream.new(to_js(source, dict_converter=Object.fromEntries)))

    async def pull(self, controller):
        controller.enqueue(to_js(b"x"))

    def cancel(self, reason):
        raise ValueError("cancel is broken")
"""


@pytest.fixture
def serve(serve):
    """As in the dev server, where a process stands by."""
    return functools.partial(serve, has_standby=True)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('\\ud800')", "ValueError"),
        ("raise ValueError('x' * 100_000_000)", "xxx"),
        ("raise asyncio.CancelledError", "CancelledError"),
        ("task = asyncio.ensure_future(asyncio.sleep(9)); task.cancel(); await task", "CancelledError"),
    ],
)
def test_a_handler_may_raise_anything(serve, code: str, said: str) -> None:
    """PW-022"""

    async def run() -> None:
        async with serve(HANDLER % code) as running:
            pid = await running.pid()
            reply = await running.client.get("/")
            assert reply.status_code == 500
            assert said in reply.text
            assert (await running.client.get("/alive")).text == "yes"
            assert await running.pid() == pid

    asyncio.run(run())


def test_a_stream_whose_cancel_raises_ends_nothing_else(serve, until) -> None:
    async def run() -> None:
        async with serve(ENDLESS) as running:
            pid = await running.pid()
            async with running.client.stream("GET", "/") as reply:
                await anext(reply.aiter_raw())
            await until(lambda: any("cancel is broken" in line for line in running.lines))
            assert (await running.client.get("/alive")).text == "yes"
            assert await running.pid() == pid

    asyncio.run(run())


def test_a_request_that_waits_for_a_start_is_served_by_the_newest_code(serve, until) -> None:
    """DT-030"""
    slow = "import time\nprint('starting')\ntime.sleep(0.5)\n"

    async def run() -> str:
        async with serve(slow + HANDLER % "return Response('old')") as running, asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(running.client.get("/"))
            await until(lambda: "starting" in running.lines)
            running.handler.write_text(HANDLER % "return Response('new')")
            running.supervisor.replace()
            return (await waiting).text

    assert asyncio.run(run()) == "new"


def test_only_the_newest_isolate_stays(serve, until) -> None:
    async def run() -> None:
        async with serve(HANDLER % "return Response(str(__import__('os').getpid()))") as running:
            pids = set()
            for _ in range(2):
                running.supervisor.replace()
                running.supervisor.replace()
                pids.add(int((await running.client.get("/")).text))
            (old,) = pids - {await running.pid()}
            await until(lambda: not os.path.exists(f"/proc/{old}"))

    asyncio.run(run())


def test_a_response_is_complete_although_its_isolate_leaves(serve) -> None:
    """DT-030"""

    async def run() -> None:
        async with serve(STREAM) as running:
            for _ in range(4):
                async with running.client.stream("GET", "/") as reply:
                    running.supervisor.replace()
                    assert sum([len(piece) async for piece in reply.aiter_raw()]) == 1_200_000

    asyncio.run(run())


def test_a_project_folder_that_comes_and_goes_does_not_end_the_server(serve, tmp_path) -> None:
    async def run() -> None:
        async with serve(HANDLER % "return Response('old')") as running:
            await running.client.get("/")
            shutil.rmtree(tmp_path)
            running.supervisor.replace()
            assert "could not be started" in (await running.client.get("/")).text
            tmp_path.mkdir()
            running.handler.write_text(HANDLER % "return Response('back')")
            running.supervisor.replace()
            assert (await running.client.get("/")).text == "back"

    asyncio.run(run())


def test_a_process_of_the_handler_does_not_keep_its_dead_isolate(serve) -> None:
    code = "import os, subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); os._exit(3)"

    async def run() -> None:
        async with serve(HANDLER % code, is_strict=False) as running:
            try:
                assert "process ended" in (await running.client.get("/")).text
                assert (await running.client.get("/alive")).text == "yes"
            finally:
                os.kill(int(running.lines[0]), signal.SIGKILL)

    asyncio.run(run())
