"""A program at a terminal or between pipes, and what it says."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

__all__ = ["Session", "spawn"]

#: For one thing to be said: a limit for what hangs, not a measure.
_PATIENCE_S = 40.0


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
        url = self.expect(r"Ready on (https?://\S+)")[1]
        return httpx.Client(base_url=url, timeout=30, verify=False, trust_env=False)

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

    def close(self) -> None:
        """End the program if it runs, and forget it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=_PATIENCE_S)
        if self.process.stdin is not None:
            self.process.stdin.close()
        os.close(self._output)


def spawn(command: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int | None) -> Session:
    """Start a program at a terminal of so many columns; without them, both streams are one pipe."""
    if columns is None:
        ours, theirs = os.pipe()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs
        )
    else:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
    os.close(theirs)
    return Session(process, ours, None if columns is None else ours)
