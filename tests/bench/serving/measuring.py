"""One measurement: a job for a contender, with the CPU clocks of its processes read around it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from contenders import CONTENDERS, Server, Setup
from models import PROMPTS

__all__ = ["Load", "LoadClient", "load_client", "measure"]

_CLIENT: Final = Path(__file__).with_name("client.py")


class Load(NamedTuple):
    """How much is asked, and how."""

    streams: int
    count: int
    streamed: bool = True
    #: Arrivals per second; 0 is a closed loop.
    rate: float = 0.0
    seed: int = 0


class _Failed(Exception):
    """The job did not end well."""


class LoadClient:
    """The process of `client.py`, or of a ceiling: jobs in, results out."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def begin(self, job: dict[str, Any]) -> None:
        """Send a job, and return when its warm-up is done."""
        self._write(json.dumps(job))
        answer = self._read()
        if answer != "warm":
            raise _Failed(answer)

    def end(self) -> dict[str, Any]:
        """Let the measured part run, and return its result."""
        self._write("")
        result: dict[str, Any] = json.loads(self._read())
        if "error" in result:
            raise _Failed(result["error"])
        return result

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()


@contextlib.contextmanager
def load_client() -> Iterator[LoadClient]:
    """A client for the whole run."""
    command = [sys.executable, str(_CLIENT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield LoadClient(process)
        finally:
            process.kill()


def measure(client: LoadClient, name: str, server: Server, setup: Setup, load: Load) -> dict[str, Any]:
    """Run one load against one contender. An error is a result too: the others go on."""
    if server.port:
        requests = CONTENDERS[name].requests(setup, server.port, streamed=load.streamed)
        job = {"port": server.port, "requests": requests, "rate": load.rate, "seed": load.seed}
    else:
        job = {"prompts": PROMPTS[setup.stand_in], "tokens": setup.tokens}
        client = LoadClient(server.tree.process)
    job |= {"streams": load.streams, "count": load.count, "warm_up": min(load.streams, 8)}
    measured: dict[str, Any] = {"contender": name, **load._asdict()}
    try:
        client.begin(job)
        before = server.tree.cpu_s()
        result = client.end()
        after = server.tree.cpu_s()
    except _Failed as failure:
        return {**measured, "error": str(failure)}
    tokens = load.count * setup.tokens
    per_1000 = {role: 1000 * (seconds - before.get(role, 0.0)) / tokens for role, seconds in after.items()}
    return {
        **measured,
        **result,
        "tokens_per_s": tokens / result["wall_s"],
        "cpu_s_per_1000": {role: round(seconds, 6) for role, seconds in per_1000.items()},
    }
