"""The supervisor: which isolates serve now.

Requests ask for `current()` and get the one with the fewest open events. While all of them start, requests wait for
the first; when the import failed, they get the error; when one died, its place alone is filled anew. A replacement
starts at once, and the old isolates finish what they have behind it.

One process more than serve stands by: it has everything loaded but the handler, so that new code serves at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker.errors import IsolateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.process import IsolateProcess

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

#: After an isolate died while starting, requests do not start another one sooner than this.
_BACKOFF_S: Final = 1.0


class _Standby(NamedTuple):
    """An isolate whose handler is still to come, and its slot."""

    isolate: IsolateProcess
    slot: asyncio.Future[IsolateProcess]


class Supervisor:
    """Owner of all isolates of one worker. `tasks` outlives every request; `make` builds an isolate not yet started.

    `count` isolates run side by side: each has a slot, a future that it settles when it is ready or cannot be.
    Without `has_standby`, no process stands by.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        make: Callable[[], IsolateProcess],
        count: int = 1,
        *,
        has_standby: bool = True,
    ) -> None:
        self._tasks = tasks
        self._make = make
        self._count = count
        self._has_standby = has_standby
        self._slots: list[asyncio.Future[IsolateProcess]] = []
        self._standby: _Standby | None = None
        self._failed_at = 0.0
        self._alive: set[IsolateProcess] = set()
        self._is_closing = False
        self._open = asyncio.Event()
        self._open.set()
        #: Called when fresh isolates were started on purpose, not for ones that died.
        self.on_replace: Callable[[], None] = lambda: None

    async def updated(self) -> bool:
        """Wait for the newest isolates. Whether they serve; False when they cannot start, or are replaced meanwhile."""
        slots = list(self._slots)
        await asyncio.wait(slots)
        return slots == self._slots and all(slot.exception() is None for slot in slots)

    async def current(self) -> IsolateProcess:
        """An isolate for a new event, ready. Raises HandlerImportError, IsolateStartTimeout or IsolateCrashed."""
        if not self._open.is_set():
            await self._open.wait()
        if len(self._slots) == 1 and self._standby is not None and _is_ready(self._slots[0]):  # as nearly always
            return self._slots[0].result()
        self._retry()
        while True:  # they may be replaced while they start
            slots = self._slots
            started = [slot.result() for slot in slots if slot.done() and slot.exception() is None]
            if ready := [isolate for isolate in started if not isolate.is_gone]:
                return min(ready, key=lambda isolate: isolate.open_events)
            if started and self._is_closing:
                return started[0]
            if started:  # dead, and not yet reaped: then there is another in its place
                await started[0].wait_closed()
            elif starting := [slot for slot in slots if not slot.done()]:
                await asyncio.wait(starting, return_when=asyncio.FIRST_COMPLETED)
            else:
                return slots[0].result()

    @property
    def is_serving(self) -> bool:
        """Whether an isolate is ready."""
        return any(slot.done() and not slot.exception() and not slot.result().is_gone for slot in self._slots)

    @property
    def is_closing(self) -> bool:
        """True once no more isolates will be started."""
        return self._is_closing

    @property
    def isolates(self) -> tuple[IsolateProcess, ...]:
        """All that are alive, those that leave included."""
        return tuple(self._alive)

    def hold(self) -> None:
        """Have requests wait, until `release` or `replace`: what they are to be answered by is being made."""
        self._open.clear()

    def release(self) -> None:
        """Let requests through again, to the isolates that there are."""
        self._open.set()

    def replace(self, *, count: int | None = None) -> None:
        """Start fresh isolates now; requests from here on wait for them. The old ones leave when they have finished.

        With a `count`, that many from now on, and none that stood by already: it was made for something else.
        """
        self._open.set()
        if self._is_closing:
            return
        if count is not None:
            self._count = count
            standby, self._standby = self._standby, None
            if standby is not None:
                standby.isolate.drain()
        for old in self._alive - {self._standby.isolate if self._standby else None}:
            old.drain()
        self._slots = [self._start() for _ in range(self._count)]
        self.on_replace()

    async def close(self) -> None:
        """End every isolate: open events get the drain time, then the processes are killed."""
        self._is_closing = True
        self._open.set()
        for isolate in self._alive:
            isolate.drain()
        for isolate in list(self._alive):
            await isolate.wait_closed()

    def _start(self) -> asyncio.Future[IsolateProcess]:
        standby, self._standby = self._standby, None
        if standby is not None and not standby.isolate.can_begin:
            standby.isolate.drain()
            standby = None
        standby = standby or self._boot()
        standby.isolate.begin()
        return standby.slot

    def _boot(self) -> _Standby:
        booted = _Standby(self._make(), asyncio.get_running_loop().create_future())
        self._alive.add(booted.isolate)
        self._tasks.create_task(self._live(*booted))
        return booted

    def _retry(self) -> None:
        """Fill the places of isolates that died while they started; an import error stays until the next save."""
        if not self._slots:
            self.replace()
        elif not self._is_closing and time.monotonic() - self._failed_at > _BACKOFF_S:
            self._slots = [self._start() if _has_died(slot) else slot for slot in self._slots]
            self._stand_by()

    def _stand_by(self) -> None:
        """Have a process ready for the next start; not before the first one has shown that processes can be started."""
        if (
            self._has_standby
            and self._standby is None
            and any(slot.done() and not _has_died(slot) for slot in self._slots)
        ):
            self._standby = self._boot()

    async def _live(self, isolate: IsolateProcess, slot: asyncio.Future[IsolateProcess]) -> None:
        """One isolate from start to end. When one that serves dies unasked, the next is started in its place."""
        slot.add_done_callback(self._started)
        try:
            await isolate.run(slot)
        except Exception as error:  # a defect in the conversation with one isolate must not end the server
            logger.exception("isolate_failed pid=%s", isolate.pid)
            if not slot.done():
                slot.set_exception(IsolateError(f"The worker's process could not be started: {error}"))
        finally:
            self._alive.discard(isolate)
        if self._standby is not None and self._standby.slot is slot:
            self._standby, self._failed_at = None, time.monotonic()
        has_served = slot.exception() is None
        if has_served and slot in self._slots and not isolate.is_draining and not self._is_closing:
            logger.warning("isolate_crashed %s", isolate.crash())
            self._slots[self._slots.index(slot)] = self._start()

    def _started(self, slot: asyncio.Future[IsolateProcess]) -> None:
        error = slot.exception()
        if error is None:
            isolate = slot.result()
            logger.info("isolate_ready pid=%s import_ms=%.0f", isolate.pid, isolate.import_ms)
        elif slot in self._slots and not self._is_closing:
            # How a start ends that a newer one, or the end of the server, made pointless is of no interest.
            self._failed_at = time.monotonic()
            logger.error("%s", error)
        if not self._is_closing and not isinstance(error, IsolateError):
            self._stand_by()


def _is_ready(slot: asyncio.Future[IsolateProcess]) -> bool:
    return slot.done() and slot.exception() is None and not slot.result().is_gone


def _has_died(slot: asyncio.Future[IsolateProcess]) -> bool:
    return slot.done() and isinstance(slot.exception(), IsolateError)
