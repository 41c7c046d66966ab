"""Two workers of a session: whichever is killed in the middle of a call, the other one learns of it and goes on."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
name = "{name}"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[paddock.engine]
kind = "off"
"""
FRONT = """
import os
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/pid"):
            return Response(str(os.getpid()))
        if request.url.endswith("/holds"):
            hold = await self.env.BACK.holder()
            await hold()
        if request.url.endswith("/call"):
            return Response(await self.env.BACK.hangs())
        return await self.env.BACK.fetch(request)
"""
BACK = """
import asyncio
import os
from js import ReadableStream
from pyodide.ffi import create_proxy, to_js
from workers import Response, WorkerEntrypoint

running = 0

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/running"):
            return Response(str(running))
        if request.url.endswith("/pid-of-back"):
            return Response(str(os.getpid()))
        async def pieces():
            yield to_js(b"first")
            await hang()
        return Response(ReadableStream.from_(pieces()))

    async def hangs(self):
        await hang()

    async def holder(self):
        return hang

async def hang():
    global running
    running += 1
    try:
        await asyncio.sleep(3600)
    finally:
        running -= 1
"""
SERVICE = '[[services]]\nbinding = "BACK"\nservice = "back"\n'


@pytest.fixture(scope="module")
def client(start_dev, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("session")
    flags: list[str] = []
    for name, handler, text in [("front", FRONT, SERVICE), ("back", BACK, "")]:
        (folder / name).mkdir()
        (folder / name / "handler.py").write_text(handler)
        (folder / name / "wrangler.toml").write_text(CONFIG.format(name=name) + text)
        flags += ["-c", str(folder / name / "wrangler.toml")]
    server = start_dev(folder, folder / "ready", *flags)
    with server.client as client:
        yield client
    assert server.stop() == 130


def until_running(client: httpx.Client, count: int) -> None:
    while client.get("/running").text != str(count):
        pass


@pytest.mark.parametrize("path", ["/call", "/holds"])
def test_a_callee_that_is_killed_fails_its_calls_only(client: httpx.Client, path: str) -> None:
    with ThreadPoolExecutor() as threads:
        calls = [threads.submit(client.get, path) for _ in range(4)]
        until_running(client, 4)
        os.kill(int(client.get("/pid-of-back").text), signal.SIGKILL)
        replies = [call.result() for call in calls]
    assert [reply.status_code for reply in replies] == [500] * 4
    assert all("could not answer: The worker's process ended: signal SIGKILL." in reply.text for reply in replies)
    until_running(client, 0)


def test_a_body_of_a_callee_that_is_killed_breaks_off(client: httpx.Client) -> None:
    with client.stream("GET", "/stream") as reply:
        pieces = reply.iter_raw()
        assert next(pieces) == b"first"
        until_running(client, 1)
        os.kill(int(client.get("/pid-of-back").text), signal.SIGKILL)
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    until_running(client, 0)


@pytest.mark.parametrize("path", ["/call", "/holds"])
def test_what_a_killed_caller_asked_for_ends(client: httpx.Client, path: str) -> None:
    with ThreadPoolExecutor() as threads:
        call = threads.submit(client.get, path)
        until_running(client, 1)
        os.kill(int(client.get("/pid").text), signal.SIGKILL)
        assert call.result().status_code == 500
        until_running(client, 0)
