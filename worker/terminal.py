"""The terminal of `paddock dev`: the server's, for its keys, or lent to a `breakpoint()` in one isolate at a time.

An isolate asks over a socket of its own, because its event loop stands still while it is at a breakpoint, and with it
every frame. One byte each: it asks, it has the terminal, it gives it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final

from paddock.worker.hotkeys import has_terminal

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

__all__ = ["TerminalDesk"]

_ASK: Final = b"?"
_HAVE: Final = b"!"


class TerminalDesk:
    """Lends the terminal at `path`. `listen` starts the task that reads keys, where keys are read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._listen: Callable[[], asyncio.Task[None]] | None = None
        self._keys: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = asyncio.Event()

    @classmethod
    def of_this_process(cls) -> TerminalDesk | None:
        """None where there is no terminal, or not for this process."""
        return cls(os.ttyname(sys.stdin.fileno())) if has_terminal() else None

    def open(self, listen: Callable[[], asyncio.Task[None]]) -> None:
        """Read keys, whenever nobody has the terminal."""
        self._listen = listen
        self._keys = listen()

    def close(self) -> None:
        """Read keys no longer. Who has the terminal is ended."""
        self._closed.set()
        self._listen = None
        if self._keys is not None:
            self._keys.cancel()

    async def serve(self, line: socket.socket, on_lent: Callable[[bool], None], end: Callable[[], None]) -> None:
        """Lend it to the isolate at the other end of this socket, whenever it asks, until it hangs up.

        `on_lent` is told when it has the terminal, and when no longer; `end` is called when it shall lose it.
        """
        loop = asyncio.get_running_loop()
        while await loop.sock_recv(line, 1) == _ASK:
            async with self._lock:
                on_lent(True)
                await self._take()
                try:
                    await loop.sock_sendall(line, _HAVE)
                    await self._until_back(line, end)
                finally:
                    on_lent(False)
                    if self._listen is not None:
                        self._keys = self._listen()

    async def _take(self) -> None:
        keys, self._keys = self._keys, None
        if keys is not None:
            keys.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keys

    async def _until_back(self, line: socket.socket, end: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            back = tasks.create_task(asyncio.get_running_loop().sock_recv(line, 1))
            closed = tasks.create_task(self._closed.wait())
            await asyncio.wait([back, closed], return_when=asyncio.FIRST_COMPLETED)
            if not back.done():
                end()
            back.cancel()
            closed.cancel()
