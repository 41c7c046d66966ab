"""Streams whose first piece is late, because a model loads or a queue is long: comment lines, so that clients stay.

A comment is a line of the event stream that every reader skips. With the first one the head of the answer leaves, and
with it the chance of another status: an error that comes later breaks the stream off.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from paddock.bindings.binding import GeneratorSource
from paddock.bindings.errors import PaddockError
from paddock.worker.channel import BodyBroken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.bindings.ai.engines.clock import Clock

__all__ = ["COMMENT", "EVERY_S", "PatientSource", "primed"]

#: Proxies and clients give up after 30 s at the earliest.
EVERY_S: Final = 10.0
COMMENT: Final = b": waiting for the model\n\n"


async def primed(pieces: AsyncGenerator[bytes, None], clock: Clock) -> GeneratorSource | PatientSource:
    """A source whose first piece is already made, or is waited for with comments. Raises what goes wrong before."""
    source = PatientSource(pieces, clock)
    try:
        if await source.is_there():
            return GeneratorSource(pieces, await source.first)
    except BaseException:
        await source.cancel(None)
        raise
    return source


class PatientSource:
    """A ByteSource that gives a comment whenever the first piece has not come for a while."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], clock: Clock) -> None:
        self._rest = GeneratorSource(pieces)
        self._clock = clock
        # A task of its own, which `cancel` ends: a wait with a limit would take the piece down with it.
        self.first: asyncio.Task[bytes | None] = asyncio.get_running_loop().create_task(_next(pieces))
        self._is_given = self._is_opened = False

    async def is_there(self) -> bool:
        """Wait for the first piece, but not for ever: True when it has come, or failed."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def ring(_: object = None) -> None:
            if not over.done():
                over.set_result(None)

        timer = self._clock.call_later(EVERY_S, ring)
        self.first.add_done_callback(ring)
        try:
            await over
        finally:
            timer.cancel()
            self.first.remove_done_callback(ring)
        return self.first.done()

    async def pull(self) -> bytes | None:
        """As `GeneratorSource.pull`, comments included; one of them at once."""
        if self._is_given:
            return await self._rest.pull()
        if not self._is_opened or not await self.is_there():
            self._is_opened = True
            return COMMENT
        self._is_given = True
        try:
            return self.first.result()
        except PaddockError as error:
            raise BodyBroken(str(error)) from error

    async def cancel(self, reason: object) -> None:
        """As `GeneratorSource.cancel`."""
        if not self.first.done():
            self.first.cancel()
            await asyncio.wait([self.first])
        await self._rest.cancel(reason)


async def _next(pieces: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(pieces, None)
