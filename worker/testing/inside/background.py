"""`waitUntil` work that tests can wait for: what is open, where it was begun, and what it raised."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.isolate.context import ExecutionContext, not_awaitable
from paddock.worker.isolate.cpu import CpuLimitExceeded, user_lines
from paddock.worker.testing.inside.described import described
from paddock.worker.testing.inside.residue import RESIDUE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import FrameType

__all__ = ["LEDGER", "TestedContext", "describe"]


#: How what work raised is kept for the test.
describe: Callable[[BaseException], str] = described

#: Of the loop, until a message that has arrived is with its listener: the reader of the body, the lane, the WebSocket;
#: and until an event whose work is done has ended.
_TURNS: Final = 5


class _Ledger:
    """The background work of all events since the last `clear`."""

    def __init__(self) -> None:
        #: WebSockets were asked for: what a client said last may begin something.
        self.has_listeners = False
        self._open: dict[asyncio.Task[Any], str] = {}
        self._failures: list[str] = []

    def add(self, task: asyncio.Task[Any], origin: str) -> None:
        """Keep a task until it is done; `origin` says where it was begun."""
        RESIDUE.note()
        self._open[task] = origin
        task.add_done_callback(lambda done: self._open.pop(done, None))

    def failed(self, error: BaseException) -> None:
        """Keep what some work raised."""
        self._failures.append(describe(error))
        RESIDUE.fail()

    async def drain(self, timeout_s: float) -> tuple[bool, list[str]]:
        """Wait for the open work, and for what it begins. Whether there was some, and the origins of what did not end
        in time.
        """
        if self.has_listeners:
            await _turn()
        was_busy = bool(self._open)
        try:
            async with asyncio.timeout(timeout_s):
                while self._open:
                    await asyncio.wait(list(self._open))
        except TimeoutError:
            return was_busy, list(self._open.values())
        if was_busy:
            await _turn()  # so that the events behind the work are over, too
        return was_busy, []

    def take_failures(self) -> list[str]:
        """What was raised since the last time, as JSON."""
        taken, self._failures = self._failures, []
        return taken

    def abandon(self) -> None:
        """End the open work."""
        self.has_listeners = False
        for task in list(self._open):
            task.cancel()


LEDGER: Final = _Ledger()


class TestedContext(ExecutionContext):
    """An execution context whose background work is kept in the ledger."""

    def waitUntil(self, work: Awaitable[object] | object) -> None:
        """As in production; what it raises is kept for the test, which fails of it."""
        if not inspect.isawaitable(work):
            raise not_awaitable(work)
        LEDGER.add(self._tasks.create_task(_kept(work)), _origin(sys._getframe(1)))


async def _turn() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _kept(work: Awaitable[object]) -> None:
    try:
        await work
    except (Exception, CpuLimitExceeded) as error:  # user code: the test is told, and the event goes on
        LEDGER.failed(error)


def _origin(frame: FrameType | None) -> str:
    return "\n".join(user_lines(reversed(list(_callers(frame)))))


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
