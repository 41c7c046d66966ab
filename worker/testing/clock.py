"""Time that takes none: what waits by this clock goes on at once, and the clock says that the time has passed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.engines.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.engines.clock import Timer

__all__ = ["VirtualClock"]

#: Turns of the loop that a deadline takes to end what it is for.
_TURNS: Final = 5


class VirtualClock(ManualClock):
    """A clock that jumps to where somebody waits for. What falls due on the way happens on the way."""

    def __init__(self) -> None:
        super().__init__()
        self._due: list[float] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """As in `Clock`."""
        self._due.append(self.time() + delay)
        return super().call_later(delay, callback)

    async def sleep(self, seconds: float) -> None:
        """Wait for this long, which takes no time; deadlines by this clock end the wait as they would a long one."""
        end = self.time() + seconds
        while self.time() < end:
            self._due = [due for due in self._due if due > self.time()]
            self.advance(min([end, *self._due]) - self.time())
            for _ in range(_TURNS):
                await asyncio.sleep(0)
