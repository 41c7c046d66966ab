"""What an isolate costs, and how long new code and a start take.

    .venv/bin/python tests/bench/isolate.py [--rounds 15] [--requests 1500] [--saves 20] [--starts 7] [--no-peer]

Hello world through one isolate of `paddock dev`, through the bare HTTP server (hypercorn with Starlette on uvloop), and
through `wrangler dev`, in turn in each round, at 1 and at 32 connections; from the save of a handler until its new code
answers; from the command until the port answers; memory. Ratios are taken within a round. Medians, and the extremes.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from contenders import BARE, HERE, PADDOCK, WRANGLER, Contender, Server, demo, family, memory_mb, missing

LEVELS: Final = (1, 32)
#: To the bare server; to the peer; seconds; megabytes.
TARGETS: Final = {"bare": 0.4, "peer": 2.0, "save_s": 0.12, "ready_s": 0.5, "server_mb": 90.0, "isolate_mb": 60.0}
STREAMS: Final = 128
REQUEST: Final = "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Round(NamedTuple):
    rate: float
    latency_ms: float
    #: Of all its processes, for each request.
    cpu_us: float


class LoadClient:
    """The process of `serving/client.py`."""

    def __init__(self) -> None:
        command = [sys.executable, str(HERE / "serving" / "client.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, server: Server, path: str, connections: int, count: int) -> Round:
        """What so many requests took."""
        job = {"port": server.port, "requests": [REQUEST.format(path=path)], "count": count, "streams": connections}
        self._tell(json.dumps({**job, "warm_up": 4 * connections}))
        self._hear()
        before = server.cpu_us()
        self._tell("")
        result = self._hear()
        spent = server.cpu_us() - before
        return Round(count / result["wall_s"], result["whole_ms"]["p50"], spent / count)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        result: dict[str, Any] = {} if line == "warm" else json.loads(line)
        if "error" in result:
            raise RuntimeError(result["error"])
        return result


@contextmanager
def started(contender: Contender) -> Iterator[tuple[Server, Path]]:
    """A server in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        contender.write(Path(name), "hello")
        with contender.start(Path(name)) as server:
            yield server, Path(name)


def throughput(contenders: list[Contender], rounds: int, requests: int) -> None:
    """The table of hello world, and memory after it."""
    print("| connections | server | requests/s | latency, ms | CPU, us | to the bare server | to `wrangler dev` |")
    print("|---|---|---|---|---|---|---|")
    client = LoadClient()
    with ExitStack() as stack:
        servers = {contender.name: stack.enter_context(started(contender))[0] for contender in contenders}
        for connections in LEVELS:
            found: dict[str, list[Round]] = {contender.name: [] for contender in contenders}
            for number in range(-1, rounds):  # the first one is for caches
                turn = number % len(contenders)
                for contender in [*contenders[turn:], *contenders[:turn]]:
                    measured = client.ask(servers[contender.name], contender.path, connections, requests)
                    if number >= 0:
                        found[contender.name].append(measured)
            _show_rates(connections, found)
        print()
        for name, server in servers.items():
            print(f"- memory of {name}, all processes: {server.rss_mb():.0f} MB")
    client.end()


def _show_rates(connections: int, found: dict[str, list[Round]]) -> None:
    for name, rounds in found.items():
        rate, ms, cpu_us = (statistics.median(column) for column in zip(*rounds, strict=True))
        cells = [
            _ratio(rounds, found.get(other.name), target if name == PADDOCK.name else None)
            for other, target in ((BARE, TARGETS["bare"]), (WRANGLER, TARGETS["peer"]))
        ]
        print(f"| {connections} | {name} | {rate:.0f} | {ms:.2f} | {cpu_us:.0f} | {' | '.join(cells)} |")


def _ratio(mine: list[Round], theirs: list[Round] | None, target: float | None) -> str:
    if theirs is None or theirs is mine:
        return ""
    ratios = [a.rate / b.rate for a, b in zip(mine, theirs, strict=True)]
    middle = statistics.median(ratios)
    shown = f"{middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return shown if target is None else f"{shown}, {_judged(middle >= target, f'>= {target:g}')}"


def saves(contender: Contender, count: int) -> list[float]:
    """Seconds from a save until the new code answers, asked for without a pause."""
    found = []
    with started(contender) as (server, folder):
        asker = _Asker(server.port)
        asker.ask()
        for number in range(count):
            time.sleep(0.7 + 0.037 * number % 0.3)  # at any moment of whatever the server does at intervals
            text = f"version {number:04d}"
            began = time.monotonic()
            contender.write(folder, text)
            while asker.ask() != text.encode():
                time.sleep(0.001)
            found.append(time.monotonic() - began)
    return found


class _Asker:
    """One connection, and another one when it breaks: a server may drop them when it changes its code."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self) -> bytes:
        try:
            self._connection.request("GET", "/")
            return self._connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return b""


def starts(contender: Contender, count: int) -> list[float]:
    """Seconds from the command until it says that it is ready."""
    found = []
    for _ in range(count):
        with started(contender) as (server, _):
            found.append(server.ready_s)
    return found


def _judged(is_met: bool, target: str) -> str:
    return f"{target}: {'met' if is_met else '**missed**'}"


def show_times(what: str, found: dict[str, list[float]], target_s: float) -> None:
    """A row: every contender, and the ratio of the peer's median to ours."""
    cells = []
    for name in (PADDOCK.name, WRANGLER.name):
        times = [1000 * seconds for seconds in found.get(name, [])]
        cells.append(f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})" if times else "")
    middle = statistics.median(found[PADDOCK.name])
    peer = found.get(WRANGLER.name)
    cells.append(f"{middle / statistics.median(peer):.2f}" if peer else "")
    print(f"| {what} | {' | '.join(cells)} | {_judged(middle <= target_s, f'<= {1000 * target_s:.0f}')} |")


def memory() -> None:
    """The demo's isolate, and the server at its peak with many streams at once."""
    client = LoadClient()
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as server:
        client.ask(server, "/stream?prompt=Hi", STREAMS, 4 * STREAMS)
        pid, *isolates = family(server.process.pid)
        peak = memory_mb(pid, "VmHWM")
        isolate = max(memory_mb(child, "VmHWM") for child in isolates)
    client.end()
    print(f"- the demo's server at its peak, {STREAMS} streams: {peak:.0f} MB, "
          f"{_judged(peak <= TARGETS['server_mb'], '<= 90')}; its isolate: {isolate:.0f} MB, "
          f"{_judged(isolate <= TARGETS['isolate_mb'], '<= 60')}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--saves", type=int, default=20)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--no-peer", action="store_true", help="without `wrangler dev`")
    options = parser.parse_args()
    reason = "not asked for" if options.no_peer else missing()
    ours = [PADDOCK] if reason else [PADDOCK, WRANGLER]
    print(f"CPython {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    if reason:
        print(f"`wrangler dev` is left out: {reason}\n")
    throughput([BARE, *ours], options.rounds, options.requests)
    print("\n| ms | `paddock dev` | `wrangler dev` | ratio | target |\n|---|---|---|---|---|")
    show_times("from a save to its code", {c.name: saves(c, options.saves) for c in ours}, TARGETS["save_s"])
    show_times("from the command to Ready", {c.name: starts(c, options.starts) for c in ours}, TARGETS["ready_s"])
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")
    memory()


if __name__ == "__main__":
    main()
