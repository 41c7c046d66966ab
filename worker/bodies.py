"""Bodies on one end of the isolate boundary: those that the other end writes, and those that this end writes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from paddock.worker import wire
from paddock.worker.channel import BodyBroken

if TYPE_CHECKING:
    from paddock.worker.channel import ByteSource
    from paddock.worker.peer import Peer
    from paddock.worker.wire import BodyId

__all__ = ["CLOSED", "ClosedBody", "LocalBody", "PeerGone", "RemoteBody", "WholeBody"]

#: What whoever reads a body behind the end of its event is told.
CLOSED: Final = "the body is closed: the request that it was made for is over"
#: Pieces that a reader lets the writer send ahead.
_WINDOW_PIECES: Final = 16


class PeerGone(ConnectionError):
    """The other end died or hung up before the fetch or the body was complete."""


class RemoteBody:
    """A body that the other end writes. A ByteSource: nothing travels until the first `pull`."""

    def __init__(self, peer: Peer, body: BodyId) -> None:
        self.id = body
        self._peer = peer
        self._pieces: deque[bytes] = deque()
        self._arrived: asyncio.Future[None] | None = None
        self._ungranted = _WINDOW_PIECES
        self._error = ""
        self._ended = False
        self.is_started = False

    async def pull(self) -> bytes | None:
        """The next piece, None at the end. Raises PeerGone when the body broke off."""
        while not self._pieces:
            if self._error:
                raise PeerGone(self._error)
            if self._ended:
                return None
            self._grant()
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        piece = self._pieces.popleft()
        self._ungranted += 1
        if self._ungranted >= _WINDOW_PIECES // 2 and not self._ended:
            self._grant()
        return piece

    async def cancel(self, reason: object = None) -> None:
        """Tell the writer to stop, unless it has ended. Idempotent."""
        if not self._ended:
            self._ended = True
            self._peer.forget(self)
            self._peer.send(wire.Close(self.id))
        self._pieces.clear()

    def is_of(self, peer: Peer) -> bool:
        """True when this end may hand the body back to `peer` unread."""
        return self._peer is peer and not self.is_started and not self._ended

    def hand_back(self) -> None:
        """The other end has its body back; it no longer concerns us."""
        self._ended = True
        self._peer.forget(self)

    def deliver(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._wake()

    def end(self, error: str) -> None:
        self._ended, self._error = True, error
        self._wake()

    def _grant(self) -> None:
        self.is_started = True
        if self._ungranted:
            self._peer.send(wire.Credit(self.id, self._ungranted))
            self._ungranted = 0

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)


class LocalBody:
    """A body that this end writes: idle until credit comes."""

    def __init__(self, source: ByteSource, cause: int | None) -> None:
        self.source = source
        self.cause = cause
        self.credit = 0
        self.granted = asyncio.Event()
        self.over = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class ClosedBody:
    """What is left of a body whose event is over."""

    async def pull(self) -> bytes | None:
        raise BodyBroken(CLOSED)

    async def cancel(self, reason: object) -> None:
        """Nothing is left to stop."""


class WholeBody:
    """Complete bytes as a source."""

    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data

    async def pull(self) -> bytes | None:
        data, self._data = self._data, None
        return data

    async def cancel(self, reason: object) -> None:
        self._data = None
