"""The port that debuggers connect to: it stays, while the isolates behind it come and go. DT-041.

Every isolate has a debugger in its own process (debugpy, on a port of its own). What a client once said is kept: it is
said again to each new isolate, before that imports the handler. So a session, and its breakpoints, outlive reloads, and
the client needs to know nothing of them. Whoever is stopped in an isolate that leaves goes on there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import msgspec

from paddock.worker.dap import read_message
from paddock.worker.debugsession import DebugSession

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from paddock.worker.wire import Start

__all__ = ["Inspector"]

logger = logging.getLogger(__name__)


class Inspector:
    """`start` it, on sockets that listen. `waits`: the first isolate imports its handler when a client has come, and
    stops at its first line.
    """

    def __init__(self, sockets: Sequence[socket.socket], *, waits: bool = False) -> None:
        self._sockets = sockets
        self._waits = self._stops = waits
        self._servers: list[asyncio.Server] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._session: DebugSession | None = None
        #: Of the debugger in the isolate that serves; None before the first one.
        self._isolate_port: int | None = None
        self._switching = asyncio.Lock()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Take clients until `close`, which `tasks` outlive."""
        self._tasks = tasks
        self._servers = [await asyncio.start_server(self._meet, sock=sock) for sock in self._sockets]
        waiting = " The handler is imported, and stops at its first line, when one has come." if self._waits else ""
        logger.info("Debuggers connect to %s:%d; limits of time are off.%s", *self.address, waiting)

    async def close(self) -> None:
        """Send the client away; whoever is stopped goes on."""
        for server in self._servers:
            server.close()
        if self._session is not None:
            await self._session.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        ip, port = self._sockets[0].getsockname()[:2]
        return str(ip), int(port)

    def prepare(self, start: Start) -> Start:
        """What the next isolate is told: whether to wait for its debugger, and, the first one, to stop for it."""
        waits = self._waits or (self._session is not None and self._session.is_configured)
        stops, self._stops = self._stops, False
        return msgspec.structs.replace(start, waits_for_debugger=waits, stops_at_first_line=stops)

    async def switch(self, port: int) -> None:
        """Debug the isolate whose debugger listens on this port, and no other one."""
        async with self._switching:
            self._isolate_port = port
            if self._session is not None:
                await self._session.attach(port)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client comes. One that was there before is sent away: most likely it does not know that it is gone."""
        if self._session is not None:
            await self._session.close()
        assert self._tasks is not None
        session = self._session = DebugSession(writer, self._tasks)
        try:
            async with self._switching:
                if self._isolate_port is not None:
                    await session.attach(self._isolate_port)
            while not session.is_over:
                await session.ask(await read_message(reader))
                self._waits = self._waits and not session.is_configured
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # it hung up
        except ValueError as error:
            logger.warning("A debugger sent what is no message of its protocol: %s", error)
        finally:
            if self._session is session:
                self._session = None
            with contextlib.suppress(ConnectionError):
                await session.close()
