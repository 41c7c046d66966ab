"""An isolate without a process: a thread of the tests' own, behind the same connection as any other isolate."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from typing import TYPE_CHECKING, cast

from paddock.worker.process import IsolateProcess

if TYPE_CHECKING:
    from asyncio.subprocess import Process

__all__ = ["LocalIsolate"]


class LocalIsolate(IsolateProcess):
    """As `IsolateProcess`. Nobody can kill it: a handler that never ends keeps its thread."""

    async def spawn(self) -> tuple[socket.socket, Process]:
        """As in `IsolateProcess`: a thread that acts as the process."""
        ours, theirs = socket.socketpair()
        return ours, cast("Process", _Thread(theirs))


class _Thread:
    """What `IsolateProcess` needs of a process."""

    def __init__(self, sock: socket.socket) -> None:
        self.pid = os.getpid()
        self.returncode: int | None = None
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        threading.Thread(target=self._run, name="paddock-isolate", daemon=True).start()

    async def wait(self) -> int:
        await self._over.wait()
        return 0

    def kill(self) -> None:
        """Its connection is closed by now, which ends it."""
        self._end()

    def send_signal(self, number: int) -> None:
        """A thread takes none."""

    def _run(self) -> None:
        # Here, so that what it brings along, `js` and `pyodide`, is in no other test's process.
        from paddock.worker.testing.inside.local import run

        try:
            run(self._sock)
        finally:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.returncode = 0
        self._over.set()
