"""CPU time that each door of Paddock adds to a call, without the engine.

    .venv/bin/python tests/bench/doors.py [--rounds 40] [--calls 48] [--connections 8]

Eight connections ask one call each at once, and then the next. In each round, every door is asked in turn with the
plain server, which answers the same bytes: at once, and paced by the same scripted engine. What a door adds is the
difference to the latter in the same round. Microseconds on a CPU per call, user and system: the median over the rounds
and, in brackets, what the quietest rounds give, because whatever else the machine does makes both sides slower.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
LLAMA: Final = "@cf/meta/llama-2-7b-chat-fp16"
#: Headers that belong to the connection.
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "date", "connection"})


class Way(NamedTuple):
    """One kind of call: a request, and what the plain server does for the same answer."""

    name: str
    request: bytes
    pace: str = "paced"


def ways() -> list[Way]:
    """Every door, whole and streamed, and a handler that asks no model."""
    run = f"/client/v4/accounts/local/ai/run/{LLAMA}"
    chat = "/client/v4/accounts/local/ai/v1/chat/completions"
    wire = "/cdn-cgi/local/ai/binding/run?version=3"
    model = f"cf-consn-model-id: {LLAMA}\r\n"
    found = [Way("handler without a model", post("/elsewhere", "{}"), pace="bare")]
    for kind, stream in (("whole", False), ("streamed", True)):
        inputs = {"messages": [{"role": "user", "content": "Hi"}], "stream": stream}
        found += [
            Way(f"REST, {kind}", post(run, json.dumps(inputs))),
            Way(f"binding's wire, {kind}", post(wire, json.dumps({"inputs": inputs, "options": {}}), model)),
            Way(f"OpenAI chat, {kind}", post(chat, json.dumps({"model": LLAMA, **inputs}))),
            Way(f"env.AI in a handler, {kind}", post("/stream" if stream else "/ask", json.dumps(inputs))),
        ]
    return found


class Round(NamedTuple):
    """Microseconds per call: the plain server at once, and paced; Paddock's server and its isolate."""

    http: float
    base: float
    server: float
    isolate: float


class Server:
    """A server in a process of its own, and connections to it."""

    def __init__(self, process: subprocess.Popen[bytes], address: dict, connections: int) -> None:
        self.process = process
        self._sockets = [socket.create_connection((address["ip"], address["port"])) for _ in range(connections)]
        for sock in self._sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> list[bytes]:
        """One call on every connection at once, and their whole answers as they came."""
        for sock in self._sockets:
            sock.sendall(request)
        return [_answer(sock) for sock in self._sockets]

    def cpu_us(self) -> tuple[float, float]:
        """Microseconds on a CPU so far: of the server, and of its children together."""
        return _cpu_us(self.process.pid), sum(map(_cpu_us, _children(self.process.pid)))

    def spent(self, request: bytes, calls: int) -> tuple[float, float]:
        """Microseconds on a CPU per call: of the server, and of its children."""
        before, made = self.cpu_us(), 0
        while made < calls:
            made += len(self.ask(request))
        return tuple((b - a) / made for a, b in zip(before, self.cpu_us(), strict=True))


def _answer(sock: socket.socket) -> bytes:
    answer = bytearray()
    while not _is_complete(answer):
        answer += sock.recv(1 << 16) or _fail("the server hung up")
    return bytes(answer)


@contextmanager
def started(*arguments: str, connections: int) -> Iterator[Server]:
    """A server of `serving.py`, its log thrown away as it is written."""
    readable, writable = os.pipe()
    command = [sys.executable, str(HERE / "serving.py"), arguments[0], f"/dev/fd/{writable}", *arguments[1:]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[writable])
    os.close(writable)
    try:
        yield Server(process, json.loads(os.read(readable, 1000) or _fail("the server did not start")), connections)
    finally:
        os.close(readable)
        process.send_signal(signal.SIGTERM)
        process.wait()


def measure(rounds: int, calls: int, connections: int) -> dict[str, list[Round]]:
    """What each way cost in each round."""
    found: dict[str, list[Round]] = {way.name: [] for way in ways()}
    with (
        started("paddock", connections=connections) as paddock,
        tempfile.NamedTemporaryFile("w", suffix=".json") as file,
    ):
        json.dump({str(i): taken_apart(paddock.ask(way.request)[0]) for i, way in enumerate(ways())}, file)
        file.flush()
        with started("plain", file.name, connections=connections) as plain:
            for number in range(-1, rounds):  # the first one is for caches
                for i, way in enumerate(ways()):
                    http, _ = plain.spent(post(f"/bare/{i}", "{}"), calls)
                    base, _ = plain.spent(post(f"/{way.pace}/{i}", "{}"), calls)
                    server, isolate = paddock.spent(way.request, calls)
                    if number >= 0:
                        found[way.name].append(Round(http, base, server, isolate))
    return found


def show(found: dict[str, list[Round]]) -> None:
    """The table."""
    load = os.getloadavg()[0]
    print(f"CPython {platform.python_version()}, {_cpu_name()}, {os.cpu_count()} CPUs, load {load:.1f}\n")
    print("| call | HTTP server | and engine | Paddock's server | isolate | added by the server | added in all |")
    print("|---|---|---|---|---|---|---|")
    for name, rounds in found.items():
        low = Round(*map(min, zip(*rounds, strict=True)))
        columns = [
            *(([getattr(r, field) for r in rounds], getattr(low, field)) for field in Round._fields),
            ([r.server - r.base for r in rounds], low.server - low.base),
            ([r.server + r.isolate - r.base for r in rounds], low.server + low.isolate - low.base),
        ]
        cells = (f"{statistics.median(values):.0f} ({lowest:.0f})" for values, lowest in columns)
        print(f"| {name} | {' | '.join(cells)} |")


def post(path: str, body: str, headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return (head + body).encode()


def taken_apart(answer: bytes) -> dict:
    """Headers and pieces of an answer, for the plain server to give again."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    if status.split()[1] not in ("200", "404"):
        _fail(f"expected an answer; got {answer[:500]!r}")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    pieces = [rest.decode()]
    if "transfer-encoding" in headers:
        pieces = []
        while (size := int(rest[: rest.index(b"\r\n")], 16)) > 0:
            start = rest.index(b"\r\n") + 2
            pieces.append(rest[start : start + size].decode())
            rest = rest[start + size + 2 :]
    return {"headers": {n: v for n, v in headers.items() if n not in _FRAMING}, "pieces": pieces}


def _is_complete(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(answer[:end]).lower()
    if b"transfer-encoding: chunked" in head:
        return answer.endswith(b"0\r\n\r\n")
    return len(answer) - end - 4 >= int(head.split(b"content-length: ")[1].split(b"\r\n")[0])


def _cpu_us(pid: int) -> float:
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1000


def _children(pid: int) -> list[int]:
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))


def _fail(why: str) -> bytes:
    raise ConnectionError(why)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=48, help="in each round, of each kind")
    parser.add_argument("--connections", type=int, default=8, help="calls at once")
    options = parser.parse_args()
    show(measure(options.rounds, options.calls, options.connections))
