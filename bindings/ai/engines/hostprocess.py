"""One engine host as the server knows it: its socket, what it prints, how it ended."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

__all__ = ["KEPT_LINES", "HostProcess", "Output", "exit_text", "quote"]

_output_logger = logging.getLogger("paddock.engine")

#: Enough to hold the dump of a crash, and what was said before it.
KEPT_LINES = 100
#: Output lines that an error text quotes; the rest is in the log.
_QUOTED_LINES = 10
#: How long the news of a death waits for its last lines of output. A grandchild can hold the pipe open.
_LAST_WORDS_S = 0.5


class Output(asyncio.Protocol):
    """What one process prints: line by line to the log, the last lines kept."""

    def __init__(self, source: str, lines: deque[str]) -> None:
        self._source = source
        self._lines = lines
        self._rest = b""
        self._transport: asyncio.BaseTransport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def follow(cls, pipe_fd: int, source: str, lines: deque[str]) -> Output:
        """Read this pipe, which is ours from now on, to its end."""
        loop = asyncio.get_running_loop()
        _, output = await loop.connect_read_pipe(lambda: cls(source, lines), os.fdopen(pipe_fd, "rb", 0))
        return output

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._keep(line)

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep(self._rest)
        if not self.ended.done():
            self.ended.set_result(None)

    def close(self) -> None:
        """Stop reading. Idempotent."""
        if self._transport is not None:
            self._transport.close()

    def _keep(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if text:
            self._lines.append(text)
            _output_logger.debug("%s: %s", self._source, text)


class HostProcess:
    """One host, from the wish for it to its end."""

    def __init__(self, name: str, sock: socket.socket, kill: Callable[[], None]) -> None:
        self.name = name
        #: Our end of the engine connection.
        self.sock = sock
        #: Known once the fork server has forked it.
        self.pid: int | None = None
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        #: How it ended, in words: `exit code 1`, `signal 9 (SIGKILL)`. Resolved once, after its last line of output.
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        #: End it at once, whatever it does.
        self.kill = kill
        self._output: Output | None = None

    async def follow_output(self, pipe_fd: int) -> None:
        """Log and keep what comes out of this pipe, which is ours from now on."""
        self._output = await Output.follow(pipe_fd, self.name, self.last_lines)

    def has_exited(self, cause: str) -> None:
        """The process is no more. `gone` waits for the rest of the output, but not long."""

        def resolve(*_: object) -> None:
            if not self.gone.done():
                self.gone.set_result(cause)
            if self._output is not None:
                self._output.close()

        if self._output is None:
            resolve()
        else:
            self._output.ended.add_done_callback(resolve)
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, resolve)


def exit_text(status: int) -> str:
    """A status of `waitpid`, as subprocess has it, in words."""
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"signal {-status}"


def quote(lines: Iterable[str]) -> str:
    """The last lines of a process's output, for the end of an error text.

    Of one that crashed in native code, those around the beginning of Python's dump, which has the last frame first.
    """
    kept = list(lines)
    crash = next((index for index, line in enumerate(kept) if line.startswith("Fatal Python error")), None)
    end = len(kept) if crash is None else crash + _QUOTED_LINES // 2
    text = "\n  ".join(kept[max(0, end - _QUOTED_LINES) : end])
    return f"Its last output:\n  {text}" if text else "It printed nothing."
