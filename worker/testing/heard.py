"""The events of a stream of a model, kept for the test as they pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.bindings.errors import PaddockError

if TYPE_CHECKING:
    from paddock.worker.channel import ByteSource
    from paddock.worker.testing.aicalls import AiCall
    from paddock.worker.testing.clock import VirtualClock
    from paddock.worker.testing.timeline import Span

__all__ = ["HeardEvents"]


class HeardEvents:
    """Passes the events of a stream on. The timeline says how many there were."""

    def __init__(self, events: ByteSource, call: AiCall, clock: VirtualClock, span: Span) -> None:
        self._events = events
        self._call = call
        self._clock = clock
        self._span = span

    async def pull(self) -> bytes | None:
        try:
            piece = await self._events.pull()
        except OSError as broken:
            self._call.error = broken.__cause__ if isinstance(broken.__cause__, PaddockError) else None
            self._span.end(f"a stream that broke off behind {self._count()} events: {broken}")
            self._end()
            raise
        if piece is None:
            self._span.end(f"a stream of {self._count()} events")
            self._end()
        else:
            self._call.chunks.append(piece.decode(errors="replace"))
        return piece

    async def cancel(self, reason: object) -> None:
        self._end()
        await self._events.cancel(reason)

    def _end(self) -> None:
        if self._call.ended_s is None:
            self._call.ended_s = self._clock.time()

    def _count(self) -> int:
        return "".join(self._call.chunks).count("\n\n")
