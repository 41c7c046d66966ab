"""The load client: a process of its own that counts bytes and does as little else as it can.

    client.py        one JSON job per line on standard input (`Job`), one JSON result per line on standard output

After the warm-up requests of a job it prints `warm` and waits for a line, so that whoever measures can read the CPU
clocks in between. Everything is an asyncio Protocol on uvloop: on a machine with two cores, a heavier client would be
measured as part of the server.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections import deque
from typing import Any, Final, NamedTuple

import uvloop

_LAST_CHUNK: Final = b"0\r\n\r\n"
_EVENT: Final = b"data: "
_TIMEOUT_S: Final = 300.0
_now = time.perf_counter


class Job(NamedTuple):
    """What to send. Requests are complete HTTP texts, sent in turn."""

    port: int
    requests: list[str]
    #: How many answers to take.
    count: int
    #: Streams that are open at once (closed loop): each asks again as soon as it has its answer.
    streams: int
    #: Arrivals per second (open loop), drawn as a Poisson process from `seed`; 0 is a closed loop.
    rate: float = 0.0
    seed: int = 0
    warm_up: int = 8


class _Connection(asyncio.Protocol):
    """One keep-alive connection, one answer at a time."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._asked = self._first = self._last = 0.0
        self._in_head = True
        self._head = b""
        self._left: int | None = None
        self._tail = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, request: bytes, asked: float) -> None:
        self._asked, self._first, self._in_head, self._head, self._left, self._tail = asked, 0.0, True, b"", None, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        load = self._load
        load.bytes += len(data)
        if self._in_head:
            data = self._read_head(data)
            if self._in_head:
                return
        if _EVENT in data or self._left is not None:
            now = _now()
            if self._first:
                load.gaps.append(now - self._last)
            else:
                self._first = now
            self._last = now
            load.reads += 1
        if self._left is not None:
            self._left -= len(data)
            if self._left <= 0:
                self._end()
            return
        tail = (self._tail + data)[-5:] if len(data) < 5 else data[-5:]
        self._tail = tail
        if tail == _LAST_CHUNK:
            self._end()

    def _read_head(self, data: bytes) -> bytes:
        """What follows the head, which may come in pieces."""
        self._head += data
        head, end, body = self._head.partition(b"\r\n\r\n")
        if not end:
            return b""
        self._in_head = False
        if not head.startswith(b"HTTP/1.1 200"):
            self._load.fail(RuntimeError((head + end + body)[:500].decode("latin-1")))
        lower = head.lower()
        if b"content-length: " in lower:
            self._left = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
        return body

    def _end(self) -> None:
        self._load.ended(self, self._asked, self._first, self._last)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.fail(ConnectionError(f"the server hung up: {exc}"))


class _Load:
    """The answers of one phase of a job, and what was seen of them."""

    def __init__(self, requests: list[bytes], port: int) -> None:
        self._requests = requests
        self._port = port
        self._asked = 0
        self._done = 0
        self._count = 0
        self._repeats = True
        self._over: asyncio.Future[None] | None = None
        self.idle: deque[_Connection] = deque()
        self.opened = 0
        self.clear()

    def clear(self) -> None:
        self.bytes = self.reads = 0
        self.gaps: list[float] = []
        self.ttft: list[float] = []
        self.whole: list[float] = []
        self.decode: list[float] = []

    async def open(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        while self.opened < connections:
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
            self.idle.append(connection)
            self.opened += 1

    async def closed_loop(self, streams: int, count: int) -> None:
        """Take `count` answers over this many streams."""
        self._begin(count, repeats=True)
        for _ in range(min(streams, count)):
            self._ask(self.idle.popleft(), _now())
        await self._wait()

    async def open_loop(self, rate: float, count: int, seed: int) -> None:
        """Ask `count` times at random moments, whatever has been answered. An arrival is late by nobody's fault but
        the server's: times count from when it should have been.
        """
        self._begin(count, repeats=False)
        drawn = random.Random(seed)
        due = _now()
        for _ in range(count):
            due += drawn.expovariate(rate)
            if (early := due - _now()) > 0:
                await asyncio.sleep(early)
            if not self.idle:
                await self.open(self.opened + 1)
            self._ask(self.idle.popleft(), due)
        await self._wait()

    def _begin(self, count: int, *, repeats: bool) -> None:
        self._over = asyncio.get_running_loop().create_future()
        self._count, self._asked, self._done, self._repeats = count, 0, 0, repeats
        self.clear()

    async def _wait(self) -> None:
        assert self._over is not None
        await asyncio.wait_for(self._over, _TIMEOUT_S)

    def _ask(self, connection: _Connection, due: float) -> None:
        connection.ask(self._requests[self._asked % len(self._requests)], due)
        self._asked += 1

    def ended(self, connection: _Connection, asked: float, first: float, last: float) -> None:
        self._done += 1
        self.ttft.append(first - asked)
        self.whole.append(last - asked)
        self.decode.append(last - first)
        if self._repeats and self._asked < self._count:
            self._ask(connection, _now())
        else:
            self.idle.append(connection)
        if self._done == self._count and self._over is not None and not self._over.done():
            self._over.set_result(None)

    def fail(self, error: Exception) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_exception(error)


async def _run(job: Job) -> dict[str, Any]:
    load = _Load([request.encode("latin-1") for request in job.requests], job.port)
    await load.open(job.streams)
    if job.warm_up:
        await load.closed_loop(job.streams, job.warm_up)
    print("warm", flush=True)
    sys.stdin.readline()
    began, cpu = _now(), time.process_time()
    if job.rate:
        await load.open_loop(job.rate, job.count, job.seed)
    else:
        await load.closed_loop(job.streams, job.count)
    wall_s, cpu_s = _now() - began, time.process_time() - cpu
    return {
        "wall_s": wall_s,
        "client_cpu_s": cpu_s,
        "reads": load.reads,
        "bytes": load.bytes,
        "connections": load.opened,
        "ttft_ms": _quantiles(load.ttft),
        "whole_ms": _quantiles(load.whole),
        "decode_ms": _quantiles(load.decode),
        "gap_ms": _quantiles(load.gaps),
    }


def _quantiles(seconds: list[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}

    def at(share: float) -> float:
        return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)}


def main() -> None:
    gc.disable()
    for line in sys.stdin:
        try:
            result = uvloop.run(_run(Job(**json.loads(line))))
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
