"""Tail workers in tests: what one raises fails the test, and events of the kit's own are not told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.tail import Tail
from paddock.worker.testing.controls import KIT
from paddock.worker.testing.rebuilt import rebuilt
from paddock.worker.testing.threads import raised_in_handler
from paddock.worker.triggers import deliver

if TYPE_CHECKING:
    from paddock.worker import wire
    from paddock.worker.addressees import Isolate
    from paddock.worker.channel import ByteSource
    from paddock.worker.tail import TracedEvent

__all__ = ["TestedTail"]


class TestedTail(Tail):
    """As `Tail`."""

    _failure: BaseException | None = None

    def open(self, fetch: wire.Fetch, body: bytes | ByteSource | None) -> TracedEvent | None:
        """As in `Tail`."""
        return None if fetch.target == KIT else super().open(fetch, body)

    async def hand_over(self, consumer: Isolate, item: bytes) -> None:
        """As in `Tail`; the first exception is kept."""
        outcome = await deliver(consumer, "tail", item, [], is_logged=False)
        if outcome.outcome == "exception" and self._failure is None:
            self._failure = raised_in_handler(rebuilt("", "", outcome.error))

    async def told(self) -> bool:
        """As in `Tail`. Raises what a consumer raised."""
        was_waiting = await super().told()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return was_waiting
