"""The supervisor: which isolate serves now.

Requests ask for `current()`. While an isolate starts, they wait for it; when its import failed, they get the error;
when it died, a new one is on its way. A replacement starts at once, and the old isolate finishes what it has behind it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from paddock.worker.errors import IsolateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.process import IsolateProcess

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

#: After an isolate died while starting, requests do not start another one sooner than this.
_BACKOFF_S: Final = 1.0


class Supervisor:
    """Owner of all isolates of one worker. `tasks` outlives every request; `make` builds an isolate not yet started."""

    def __init__(self, tasks: asyncio.TaskGroup, make: Callable[[], IsolateProcess]) -> None:
        self._tasks = tasks
        self._make = make
        self._current: asyncio.Future[IsolateProcess] | None = None
        self._failed_at = 0.0
        self._alive: set[IsolateProcess] = set()
        self._is_closing = False

    async def current(self) -> IsolateProcess:
        """The isolate for a new event, ready. Raises HandlerImportError, IsolateStartTimeout or IsolateCrashed."""
        if self._current is None or self._must_retry(self._current):
            self.replace()
        slot = None
        while slot is None or slot is not self._current:  # it may be replaced while it starts
            slot = self._current
            assert slot is not None
            await asyncio.wait([slot])
        return slot.result()

    def replace(self) -> None:
        """Start a fresh isolate now; requests from here on wait for it. The old one leaves when it has finished."""
        if self._is_closing:
            return
        for old in self._alive:
            old.drain()
        isolate, self._current = self._make(), asyncio.get_running_loop().create_future()
        self._alive.add(isolate)
        self._tasks.create_task(self._live(isolate, self._current))

    async def close(self) -> None:
        """End every isolate: open events get the drain time, then the processes are killed."""
        self._is_closing = True
        for isolate in self._alive:
            isolate.drain()
        for isolate in list(self._alive):
            await isolate.wait_closed()

    def _must_retry(self, current: asyncio.Future[IsolateProcess]) -> bool:
        """A start that failed because the process died is tried again; an import error stays until the next save."""
        if not current.done() or current.exception() is None:
            return False
        return isinstance(current.exception(), IsolateError) and time.monotonic() - self._failed_at > _BACKOFF_S

    async def _live(self, isolate: IsolateProcess, slot: asyncio.Future[IsolateProcess]) -> None:
        """One isolate from start to end. When the current one dies unasked, the next is started."""
        slot.add_done_callback(self._started)
        try:
            await isolate.run(slot)
        except Exception as error:  # a defect in the conversation with one isolate must not end the server
            logger.exception("isolate_failed pid=%s", isolate.pid)
            if not slot.done():
                slot.set_exception(IsolateError(f"The worker's process could not be started: {error}"))
        finally:
            self._alive.discard(isolate)
        has_served = slot.exception() is None
        if has_served and self._current is slot and not isolate.is_draining:
            logger.warning("isolate_crashed %s", isolate.crash())
            self.replace()

    def _started(self, slot: asyncio.Future[IsolateProcess]) -> None:
        error = slot.exception()
        if error is not None:
            # How a start ends that a newer one, or the end of the server, made pointless is of no interest.
            if slot is self._current and not self._is_closing:
                self._failed_at = time.monotonic()
                logger.error("%s", error)
        else:
            isolate = slot.result()
            logger.info("isolate_ready pid=%s import_ms=%.0f", isolate.pid, isolate.import_ms)
