"""Turns by cost: calls run while the sum of their costs is within a limit; the others wait in the order of arrival."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Turns"]


class Turns:
    """Units of concurrency, as hosts of models sell them. None is no limit.

    A call that costs more than there is runs when nothing else does: it would wait for ever otherwise.
    """

    def __init__(self, units: int | None) -> None:
        self._units = units
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """Calls that wait for their turn."""
        return len(self._waiting)

    @contextlib.asynccontextmanager
    async def turn(self, cost: int) -> AsyncIterator[None]:
        """Wait for the turn of a call of this cost, and hold it for the block."""
        await self._take(cost)
        try:
            yield
        finally:
            self._taken -= cost
            self._admit()

    def is_free(self, cost: int) -> bool:
        """Whether a call of this cost would have its turn at once."""
        return not self._waiting and self._fits(cost)

    async def _take(self, cost: int) -> None:
        if self.is_free(cost):
            self._taken += cost
            return
        place = (cost, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        try:
            await place[1]
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            else:  # the turn came and the call went at the same moment
                self._taken -= cost
            self._admit()
            raise

    def _fits(self, cost: int) -> bool:
        return self._units is None or not self._taken or self._taken + cost <= self._units

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            cost, turn = self._waiting.popleft()
            self._taken += cost
            turn.set_result(None)
