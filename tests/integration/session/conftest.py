"""`paddock dev` as a process of its own, at a terminal or between pipes."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

CONFIG = """
name = "shop"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
"""
HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("printed")
        return Response("first version")
"""
#: For one thing to be said: a limit for what hangs, not a measure.
_PATIENCE_S = 40.0
_READY = re.compile(r"Ready on (https?://\S+)")


class Session:
    """A running `paddock dev`. `said` is everything that it has written so far; at a terminal both streams are one."""

    def __init__(self, process: subprocess.Popen[bytes], output: int, terminal: int | None) -> None:
        self.process = process
        self.said = ""
        self._output = output
        self._terminal = terminal

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait until something is said that has not been waited for yet."""
        wanted, start = re.compile(pattern, re.MULTILINE), getattr(self, "_seen", 0)
        deadline = time.monotonic() + _PATIENCE_S
        while (found := wanted.search(self.said, start)) is None:
            if not self._read(deadline):
                raise AssertionError(f"expected {pattern!r}; it said:\n{self.said}")
        self._seen = found.end()
        return found

    def ready(self) -> httpx.Client:
        """A client, once it is ready. Of certificates it takes any."""
        return httpx.Client(base_url=self.expect(_READY.pattern)[1], timeout=30, verify=False, trust_env=False)

    def press(self, keys: str) -> None:
        assert self._terminal is not None
        os.write(self._terminal, keys.encode())

    def end(self, number: signal.Signals | None = signal.SIGINT) -> int:
        """Its exit code, when everything that it says has been read; after a signal, unless it ends by itself."""
        if number is not None:
            self.process.send_signal(number)
        deadline = time.monotonic() + _PATIENCE_S
        while self._read(deadline):
            pass
        return self.process.wait(timeout=_PATIENCE_S)

    def terminal_flags(self) -> int:
        """The terminal's local modes: whether it echoes, and waits for whole lines."""
        assert self._terminal is not None
        flags: int = termios.tcgetattr(self._terminal)[3]
        return flags

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._output], [], [], max(0.0, deadline - time.monotonic()))
        try:
            piece = os.read(self._output, 65536) if ready else b""
        except OSError:  # how a terminal says that the other end is closed
            piece = b""
        self.said += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)


Start = Callable[..., Session]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(*flags, config=..., handler=..., terminal=columns)`: without `terminal`, both streams are one pipe.

    The project is `tmp_path`. No engine runs unless the flags say so.
    """
    with contextlib.ExitStack() as ends:

        def run(
            *flags: str,
            config: str = CONFIG,
            handler: str = HANDLER,
            terminal: int | None = None,
            engine: str | None = "off",
            environment: dict[str, str] | None = None,
        ) -> Session:
            (tmp_path / "wrangler-like.toml").write_text(config)
            (tmp_path / "handler.py").write_text(handler)
            command = [sys.executable, "-m", "paddock.worker.cli", "dev"]
            command += ["--port", "0"] if not {"--port", "-p"} & set(flags) else []
            command += ["--engine", engine] if engine else []
            env = os.environ | {"TERM": "xterm", "XDG_CACHE_HOME": str(tmp_path / "cache")} | (environment or {})
            if terminal is None:
                ours, theirs = os.pipe()
                process = subprocess.Popen(
                    [*command, *flags], cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs
                )
                assert process.stdin is not None
                ends.callback(process.stdin.close)
            else:
                ours, theirs = pty.openpty()
                fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, terminal, 0, 0))
                process = subprocess.Popen(
                    [*command, *flags],
                    cwd=tmp_path,
                    env=env,
                    stdin=theirs,
                    stdout=theirs,
                    stderr=theirs,
                    start_new_session=True,
                    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                )
            os.close(theirs)
            ends.callback(os.close, ours)
            ends.callback(_end, process)
            return Session(process, ours, None if terminal is None else ours)

        yield run


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=_PATIENCE_S)
