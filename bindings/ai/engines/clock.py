"""The time that models live by: the event loop's, or a test's own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from paddock.bindings.errors import PaddockError

__all__ = ["Clock", "ManualClock", "Timer", "deadline"]


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Forget it."""
        ...


class Clock(Protocol):
    """Seconds since some moment, and calls at later ones. An event loop is one."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer: ...


class ManualClock:
    """A clock that a test moves. Tests wait for nothing."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, _ManualTimer]] = []

    def time(self) -> float:
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = _ManualTimer(callback)
        self._timers.append((self._now + delay, timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let this much time pass: every call that becomes due is made, the earliest first."""
        end = self._now + seconds
        while (due := min((at for at, _ in self._timers if at <= end), default=None)) is not None:
            self._now = due
            ready = [timer for at, timer in self._timers if at <= due]
            self._timers = [(at, timer) for at, timer in self._timers if at > due]
            for timer in ready:
                timer.fire()
        self._now = end


class _ManualTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def fire(self) -> None:
        if not self.is_cancelled:
            self._callback()


@contextlib.asynccontextmanager
async def deadline(clock: Clock, seconds: float | None, error: Callable[[], PaddockError]) -> AsyncIterator[None]:
    """Let the block take this long by the clock, then raise the error in its place. None is no limit."""
    if seconds is None:
        yield
        return
    timer: Timer | None = None
    try:
        async with asyncio.timeout(None) as scope:
            timer = clock.call_later(max(0.0, seconds), lambda: scope.reschedule(asyncio.get_running_loop().time()))
            yield
    except TimeoutError as exc:
        if scope.expired():
            raise error() from exc
        raise
    finally:
        if timer is not None:
            timer.cancel()
