"""What an isolate costs, and how long new code and a start take.

    .venv/bin/python tests/bench/isolate.py [--rounds 9] [--requests 2000] [--saves 20] [--starts 7]

Hello world through one isolate of `paddock dev` against the bare HTTP server (hypercorn with Starlette on uvloop), as a
ratio in each round, at 1 and at 32 connections; from the save of a handler until its new code answers; from the command
until the port answers. Medians, and what the rounds spread over.
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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent
LEVELS: Final = (1, 32)
TARGETS: Final = {"ratio": 0.4, "save_s": 0.12, "ready_s": 0.5}
HANDLER: Final = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("{text}")
"""
CONFIG: Final = """
name = "bench"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[paddock.engine]
kind = "off"
"""
REQUEST: Final = "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Server(NamedTuple):
    process: subprocess.Popen[bytes]
    port: int
    #: From the command until it said that it is ready.
    ready_s: float


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[Server]:
    """A server that writes its address to the descriptor that `{ready}` becomes, its log thrown away as it comes."""
    readable, writable = os.pipe()
    began = time.monotonic()
    process = subprocess.Popen(
        [part.format(ready=f"/dev/fd/{writable}") for part in command],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[writable],
    )  # fmt: skip
    os.close(writable)
    try:
        address = json.loads(os.read(readable, 1000))
        yield Server(process, address["port"], time.monotonic() - began)
    finally:
        os.close(readable)
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextmanager
def paddock(folder: Path) -> Iterator[Server]:
    """`paddock dev` as users have it, but for the engine."""
    (folder / "handler.py").write_text(HANDLER.format(text="hello"))
    (folder / "wrangler-like.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "paddock.worker.cli", "dev", "--port", "0", "--ready-file", "{ready}"]
    with running(command, folder) as server:
        yield server


@contextmanager
def plain(folder: Path) -> Iterator[Server]:
    """The same HTTP server with nothing behind it."""
    answers = folder / "answers.json"
    answers.write_text(json.dumps({"0": {"headers": {"content-type": "text/plain"}, "pieces": ["hello"]}}))
    with running([sys.executable, str(HERE / "serving.py"), "plain", "{ready}", str(answers)], folder) as server:
        yield server


class LoadClient:
    """The process of `serving/client.py`."""

    def __init__(self) -> None:
        command = [sys.executable, str(HERE / "serving" / "client.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def rate(self, port: int, path: str, connections: int, count: int) -> tuple[float, float]:
        """Requests per second, and the median latency in milliseconds."""
        job = {"port": port, "requests": [REQUEST.format(path=path)], "count": count, "streams": connections}
        self._tell(json.dumps({**job, "warm_up": 4 * connections}))
        self._hear()
        self._tell("")
        result: dict[str, Any] = json.loads(self._hear())
        return count / result["wall_s"], result["whole_ms"]["p50"]

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def throughput(rounds: int, requests: int) -> None:
    """The table of hello world."""
    print("| connections | bare, requests/s | Paddock, requests/s | latency, bare and Paddock, ms | ratio | target |")
    print("|---|---|---|---|---|---|")
    client = LoadClient()
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as two,
        paddock(Path(one)) as ours,
        plain(Path(two)) as bare,
    ):
        for connections in LEVELS:
            found = []
            for number in range(-1, rounds):  # the first one is for caches
                theirs = client.rate(bare.port, "/bare/0", connections, requests)
                mine = client.rate(ours.port, "/", connections, requests)
                if number >= 0:
                    found.append((*theirs, *mine, mine[0] / theirs[0]))
            columns = list(zip(*found, strict=True))
            bare_rate, bare_ms, rate, ms, ratio = map(statistics.median, columns)
            spread = f"{min(columns[4]):.2f} to {max(columns[4]):.2f}"
            target = _judged(ratio >= TARGETS["ratio"], f">= {TARGETS['ratio']:g}")
            print(
                f"| {connections} | {bare_rate:.0f} | {rate:.0f} | {bare_ms:.2f}, {ms:.2f} "
                f"| {ratio:.2f} ({spread}) | {target} |"
            )
    client.end()


def saves(count: int) -> list[float]:
    """Seconds from a save until the new code answers, asked for without a pause over one connection."""
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        paddock(Path(folder)) as server,
        socket.create_connection(("127.0.0.1", server.port)) as sock,
    ):
        _ask(sock)
        for number in range(count):
            time.sleep(0.7 + 0.037 * number % 0.3)  # at any moment of whatever the server does at intervals
            text = f"version {number:04d}"
            began = time.monotonic()
            (Path(folder) / "handler.py").write_text(HANDLER.format(text=text))
            while not _ask(sock).endswith(text.encode()):
                time.sleep(0.001)
            found.append(time.monotonic() - began)
    return found


def starts(count: int) -> list[float]:
    """Seconds from the command until the port answers."""
    found = []
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder, paddock(Path(folder)) as server:
            found.append(server.ready_s)
    return found


def _ask(sock: socket.socket) -> bytes:
    sock.sendall(REQUEST.format(path="/").encode())
    answer = b""
    while True:
        answer += sock.recv(65_536)
        head, separator, body = answer.partition(b"\r\n\r\n")
        if separator and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
            return answer


def _judged(is_met: bool, target: str) -> str:
    return f"{target}: {'met' if is_met else '**missed**'}"


def _show(what: str, found: list[float], target_s: float) -> None:
    middle = statistics.median(found)
    judged = _judged(middle <= target_s, f"<= {1000 * target_s:.0f} ms")
    print(f"| {what} | {1000 * middle:.0f} ms ({1000 * min(found):.0f} to {1000 * max(found):.0f}) | {judged} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--saves", type=int, default=20)
    parser.add_argument("--starts", type=int, default=7)
    options = parser.parse_args()
    print(f"CPython {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    throughput(options.rounds, options.requests)
    print("\n| what | median (all) | target |\n|---|---|---|")
    _show("from a save to its code", saves(options.saves), TARGETS["save_s"])
    _show("from the command to Ready", starts(options.starts), TARGETS["ready_s"])


if __name__ == "__main__":
    main()
