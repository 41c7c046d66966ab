"""The chunks of one host on their way to their readers, and the pace at which readers are woken for them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.protocol import EngineChunk, joined

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.clock import Clock
    from paddock.bindings.ai.engines.protocol import EngineRequest
    from paddock.bindings.errors import PaddockError

__all__ = ["Pace", "Stream"]

#: Unread chunks of one stream; what comes beyond is joined to the last, so a slow reader costs text and no objects.
_MOST_UNREAD_CHUNKS: Final = 256
#: Up to this many open streams, every chunk wakes its reader at once.
_FEW_STREAMS: Final = 4
#: Otherwise readers are woken this far apart. Nobody sees 10 ms; a step of a tiny model takes 2.
_PACE_S: Final = 0.010
#: Readers that are woken in one turn of the event loop; then it looks after others, such as new requests.
_WOKEN_AT_ONCE: Final = 32


class Pace:
    """Wakes readers together, so that one write carries what several steps gave.

    What a stream costs is its writes: a token is a system call, unless it leaves with the next one. The first and the
    last chunk of a stream do not wait, and nothing does where the steps of the engine are further apart than the pace.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: deque[Stream] = deque()
        self._next_at = 0.0
        #: True while readers are being woken, or will be.
        self._is_set = False

    def add(self, stream: Stream) -> None:
        """This stream's reader is to be woken."""
        self._due.append(stream)

    def step(self, open_streams: int) -> None:
        """Everything that one step gave has been pushed."""
        if self._is_set or not self._due:
            return
        self._is_set = True
        wait_s = 0.0 if open_streams <= _FEW_STREAMS else self._next_at - self._clock.time()
        if wait_s > 0:
            self._clock.call_later(wait_s, self._wake)
        else:
            self._wake()

    def _wake(self) -> None:
        self._next_at = self._clock.time() + _PACE_S
        for _ in range(min(_WOKEN_AT_ONCE, len(self._due))):
            self._due.popleft().wake()
        self._is_set = bool(self._due)
        if self._is_set:
            self._clock.call_later(0, self._wake)


class Stream:
    """The chunks of one generation, for one reader."""

    __slots__ = ("_chunks", "_error", "_is_due", "_pace", "_waiter", "ended", "has_begun", "is_lost", "request")

    def __init__(self, request: EngineRequest, pace: Pace) -> None:
        self.request = request
        #: True when the host has said its last word on it.
        self.ended = False
        #: True when the host has said a word on it.
        self.has_begun = False
        #: True when the connection was closed already, so that the request went nowhere.
        self.is_lost = False
        self._pace = pace
        self._chunks: deque[EngineChunk] = deque()
        self._error: PaddockError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_due = False

    def push(self, chunk: EngineChunk) -> None:
        """Add the next chunk. Its reader hears of it at once, or at the next `Pace.step`, or a little later."""
        self.ended = chunk.finish_reason is not None
        if len(self._chunks) >= _MOST_UNREAD_CHUNKS:
            self._chunks.append(joined((self._chunks.pop(), chunk)))
        else:
            self._chunks.append(chunk)
        if self.ended or not self.has_begun:
            self.has_begun = True
            self.wake()
        elif not self._is_due and self._waiter is not None:
            self._is_due = True
            self._pace.add(self)

    def fail(self, error: PaddockError) -> None:
        """End the stream with this error, after the chunks that are there."""
        self.ended = True
        self._error = error
        self.wake()

    async def next(self) -> EngineChunk:
        """The next chunk. Raises what the stream failed with."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        chunk = self._chunks.popleft()
        return msgspec.structs.replace(chunk, is_followed=True) if self._chunks else chunk

    def wake(self) -> None:
        """Let the reader go on, if it waits."""
        self._is_due = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
