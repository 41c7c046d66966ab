"""Connections that ask without a pause while isolates are killed: is every request answered, and is anything left over?

    .venv/bin/python tests/faults/storm.py [--seconds 60] [--connections 200] [--every 1.0] [--isolates 1]

No engine is needed. A request ends in one of four ways that are in order: an answer, the error of a dead isolate, the
error of a stream whose isolate died before its first piece, and behind that a stream that breaks off. All else is named
in the report and makes the exit code 1, as do a request without an end, and a process or a descriptor more than before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

HANDLER = """
import asyncio
from js import TransformStream
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/slow"):
            await asyncio.sleep(0.02)
        if not request.url.endswith("/stream"):
            return Response("hello")
        stream = TransformStream.new()
        self.ctx.waitUntil(self.write(stream.writable.getWriter()))
        return Response(stream.readable)

    async def write(self, writer):
        for _ in range(5):
            await writer.write(to_js(b"x" * 1000))
            await asyncio.sleep(0.005)
        await writer.close()
"""
CONFIG = """
name = "storm"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[paddock]
isolates = {isolates}
[paddock.engine]
kind = "off"
"""
PATHS = ("/", "/slow", "/stream")
IN_ORDER = {"answered", "isolate_crashed", "body_broken", "broken off"}
#: Without an answer for so long, a request is taken to hang: far beyond a start of an isolate on a busy machine.
HUNG_S = 30.0


class Server(NamedTuple):
    """`paddock dev`, ready."""

    pid: int
    port: int

    def isolates(self) -> list[int]:
        return [pid for pid in _children(self.pid) if b"paddock.worker.isolate" in _read(f"/proc/{pid}/cmdline")]

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def processes(self) -> int:
        """Children, those included that have ended and that nobody has reaped."""
        return len(_children(self.pid))


class Report(NamedTuple):
    """How requests ended, how many isolates were killed, and what the server held before and after."""

    endings: Counter[str]
    kills: int
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def is_in_order(self) -> bool:
        return set(self.endings) <= IN_ORDER and self.endings["answered"] > 0 and self.before == self.after


@contextmanager
def started(isolates: int) -> Iterator[Server]:
    """A server with a project of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "handler.py").write_text(HANDLER)
        (folder / "wrangler-like.toml").write_text(CONFIG.format(isolates=isolates))
        ready = folder / "ready"
        os.mkfifo(ready)
        command = [sys.executable, "-m", "paddock.worker.cli", "dev", "--port", "0", "--no-reload"]
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [*command, "--ready-file", str(ready)], cwd=folder, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield Server(process.pid, json.loads(ready.read_bytes())["port"])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def storm(server: Server, *, seconds: float, connections: int, every_s: float, isolates: int) -> Report:
    """Ask over all connections, and kill an isolate now and then, for so long; then wait for the calm."""
    endings: Counter[str] = Counter()
    over = asyncio.Event()
    before = await _calm(server, isolates, endings)
    kills = 0
    async with asyncio.TaskGroup() as tasks:
        for number in range(connections):
            tasks.create_task(_ask_until(over, server.port, PATHS[number % len(PATHS)], endings))
        for _ in range(round(seconds / every_s)):
            await asyncio.sleep(every_s)
            if victims := server.isolates():
                with suppress(ProcessLookupError):
                    os.kill(random.choice(victims), signal.SIGKILL)
                kills += 1
        over.set()
    return Report(endings, kills, before, await _calm(server, isolates, endings))


async def _calm(server: Server, isolates: int, endings: Counter[str]) -> tuple[int, int]:
    """Descriptors and processes, once they are the same for ten answers in a row and every isolate is there."""
    seen: list[tuple[int, int]] = []
    while len(seen) < 10 or len(set(seen[-10:])) > 1 or len(server.isolates()) != isolates + 1:
        ending = await _ask(server.port, "/slow")
        endings[ending] += 1
        seen.append((server.descriptors(), server.processes()))
        if len(seen) > 10_000:
            break  # it never settles: the last figures are reported
    return seen[-1]


async def _ask_until(over: asyncio.Event, port: int, path: str, endings: Counter[str]) -> None:
    while not over.is_set():
        endings[await _ask(port, path)] += 1


async def _ask(port: int, path: str) -> str:
    """How one request ended, on a connection of its own."""
    try:
        async with asyncio.timeout(HUNG_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read()
            finally:
                writer.close()
    except TimeoutError:
        return "hung"
    except OSError as error:
        return f"connection: {error}"
    return _ending(answer)


def _ending(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    if status.startswith("HTTP/1.1 200"):
        is_chunked = headers.get("transfer-encoding") == "chunked"
        is_whole = body.endswith(b"0\r\n\r\n") if is_chunked else len(body) == int(headers["content-length"])
        return "answered" if is_whole else "broken off"
    return headers.get("paddock-error", status or "closed without an answer")


def _children(pid: int) -> list[int]:
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in _read(str(file)).split()]


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two kills")
    parser.add_argument("--isolates", type=int, default=1)
    options = parser.parse_args()
    with started(options.isolates) as server:
        report = asyncio.run(
            storm(
                server,
                seconds=options.seconds,
                connections=options.connections,
                every_s=options.every,
                isolates=options.isolates,
            )
        )
    print(f"{options.connections} connections, {options.seconds:g} s, {report.kills} isolates killed")
    for ending, count in report.endings.most_common():
        print(f"{count:8d}  {ending}{'' if ending in IN_ORDER else '   <-- not in order'}")
    print(f"descriptors and processes before {report.before}, after {report.after}")
    return 0 if report.is_in_order else 1


if __name__ == "__main__":
    sys.exit(main())
