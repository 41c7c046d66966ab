"""Limits that the server holds an isolate to from outside: memory, processor time, an event loop that stands still.

What the process does about it is of no matter here: its numbers are the kernel's, and the end of a limit is a signal
that nobody can catch. A handler that goes over its processor time in Python is stopped inside the process first
(`isolate/cpu.py`), alone; the watchdog is for code that cannot be stopped so.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.bindings.processes import usage
from paddock.worker.errors import CpuLimitExceeded, IsolateError, LoopBlocked, MemoryLimitExceeded, StartupLimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Limits", "Watchdog"]

#: How often a busy isolate is looked at. Memory can grow by some 100 MB in between.
_LOOK_EVERY_S: Final = 0.05
#: Time for the isolate to stop its handler itself, beyond the limit: a share of it, and a start.
_PATIENCE: Final = 1.25
_PATIENCE_S: Final = 0.5
_MB: Final = 1_000_000


class Limits(NamedTuple):
    """What one isolate may use. Source of the defaults: developer docs, Workers limits, except where noted."""

    #: Processor time of one event.
    cpu_ms: int = 30_000
    #: Resident memory. Production has 128 MB, for an interpreter that shares its code with others: here CPython, and
    #: whatever native packages a handler imports, count as well.
    memory_mb: int = 512
    #: Processor time until the handler is imported, CPython's own start included; None for any. Production: 1 s.
    startup_cpu_ms: int | None = None
    #: How long the event loop may stand still, waiting included. Ours: production has nothing that blocks.
    loop_s: float = 60.0
    #: Fetches and calls of bindings of one event, each.
    subrequests: int = 10_000


class Watchdog:
    """Watches one process from its start on; `ping` asks its event loop for a sign of life, which `pong` tells of."""

    def __init__(self, limits: Limits, ping: Callable[[], None]) -> None:
        self._limits = limits
        self._ping = ping
        self._pong = asyncio.Event()
        #: Set while it has events, which is when it is watched.
        self.busy = asyncio.Event()
        #: Whether somebody looks at a breakpoint, which takes any time.
        self.is_paused = False

    def pong(self) -> None:
        """The event loop is alive."""
        self._pong.set()

    async def while_starting(self, pid: int) -> IsolateError:
        """Return when a limit is broken, with the reason. Cancel it when the start is over."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            limit_ms = self._limits.startup_cpu_ms
            if (used := usage(pid)) is None:
                continue
            if used.rss_bytes > self._limits.memory_mb * _MB:
                return MemoryLimitExceeded(self._limits.memory_mb)
            if limit_ms is not None and used.cpu_s * 1000 > limit_ms:
                return StartupLimitExceeded(limit_ms)

    async def while_serving(self, pid: int) -> IsolateError:
        """Return when a limit is broken, with the reason."""
        while True:
            await self.busy.wait()
            if broken := await self._look(pid):
                return broken
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self, pid: int) -> IsolateError | None:
        """Ask for a sign of life. None once it came."""
        self._pong.clear()
        self._ping()
        asked, now = time.monotonic(), usage(pid)
        before = now
        allowed_s = self._limits.cpu_ms / 1000 * _PATIENCE + _PATIENCE_S
        while True:
            if self.is_paused:
                asked, before = time.monotonic(), now
            if now is not None and now.rss_bytes > self._limits.memory_mb * _MB:
                return MemoryLimitExceeded(self._limits.memory_mb)
            if now is not None and before is not None and now.cpu_s - before.cpu_s > allowed_s:
                return CpuLimitExceeded(self._limits.cpu_ms)
            if time.monotonic() - asked > self._limits.loop_s:
                return LoopBlocked(self._limits.loop_s)
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._pong.wait()
                    return None
            except TimeoutError:
                now = usage(pid)
