"""Length-prefixed msgpack frames over a stream socket, and the death of a parent.

The leaf that both child boundaries share: the isolate's (structs in `wire.py`) and the engine host's (structs in
`bindings/ai/engines/frames.py`). A frame is a 4-byte big-endian length and one msgpack value; what the value means is
the business of the caller, who passes encoded bytes in and gets payload bytes out.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

__all__ = [
    "MAX_FRAME_BYTES",
    "BodyBroken",
    "ByteSource",
    "Channel",
    "FrameBuffer",
    "WireError",
    "die_with_parent",
    "frame",
    "whole",
]

#: A frame larger than this is a broken or hostile peer: bodies travel in pieces far below it.
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
_HEADER_BYTES: Final = 4
_PR_SET_PDEATHSIG: Final = 1  # source: prctl(2)


class WireError(Exception):
    """A frame does not fit the protocol. Raised by channel and wire; the owner of the child makes it its own error."""


class BodyBroken(OSError):
    """A body ended before it was complete. Its cause, where there is one, says why."""


class ByteSource(Protocol):
    """A body that is made as it is read: the one stream type of both boundaries."""

    async def pull(self) -> bytes | None:
        """The next piece, never empty; None at the end. Raises OSError, and nothing else, when the body broke off."""
        ...

    async def cancel(self, reason: object) -> None:
        """No more will be read: stop what makes the body. Idempotent, also after the end."""
        ...


async def whole(body: bytes | ByteSource | None, check: Callable[[int], None] | None = None) -> bytes:
    """All of a body, which is small. `check` is given the bytes so far, and raises where they are too many."""
    if body is None or isinstance(body, bytes):
        if check is not None:
            check(len(body or b""))
        return body or b""
    found = bytearray()
    try:
        while (piece := await body.pull()) is not None:
            found += piece
            if check is not None:
                check(len(found))
    finally:
        await body.cancel(None)
    return bytes(found)


def frame(payload: bytes) -> bytes:
    """The payload with its length in front."""
    if len(payload) > MAX_FRAME_BYTES:
        raise WireError(f"frame of {len(payload)} bytes: at most {MAX_FRAME_BYTES} are allowed")
    return len(payload).to_bytes(_HEADER_BYTES, "big") + payload


class FrameBuffer:
    """Cuts received bytes into payloads; keeps the incomplete rest."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every payload that `data` completes, in order."""
        rest = self._rest
        rest += data
        start = 0
        while len(rest) - start >= _HEADER_BYTES:
            size = int.from_bytes(rest[start : start + _HEADER_BYTES], "big")
            if size > MAX_FRAME_BYTES:
                raise WireError(f"peer announced a frame of {size} bytes: at most {MAX_FRAME_BYTES} are allowed")
            end = start + _HEADER_BYTES + size
            if len(rest) < end:
                break
            yield bytes(rest[start + _HEADER_BYTES : end])
            start = end
        del rest[:start]


class Channel(asyncio.Protocol):
    """One end of a framed stream on the event loop.

    `on_payload` is called for each payload in order; an exception from it closes the channel. `on_closed` is called
    once, when the peer is gone or the channel was closed. Order of `send` is kept; `send` after close does nothing,
    because the peer's death is reported by `on_closed` and never by the sender.
    """

    def __init__(self, on_payload: Callable[[bytes], None], on_closed: Callable[[], None]) -> None:
        self._on_payload = on_payload
        self._on_closed = on_closed
        self._buffer = FrameBuffer()
        self._transport: asyncio.Transport | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_finished = False
        #: What broke the connection, None for an end in order. A peer that dies with frames unread is a reset.
        self.error: Exception | None = None

    @classmethod
    async def open(
        cls, sock: socket.socket, on_payload: Callable[[bytes], None], on_closed: Callable[[], None]
    ) -> Channel:
        """Adopt a connected stream socket."""
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_connection(lambda: cls(on_payload, on_closed), sock=sock)
        return channel

    def send(self, *payloads: bytes) -> None:
        """Queue payloads, in one write: each wakes the peer. Body pieces must respect `drained`; head frames are small
        and need not."""
        if self._transport is not None and not self._is_finished:
            self._transport.write(b"".join(map(frame, payloads)))

    async def drained(self) -> None:
        """Return when the socket takes more: at once, unless the peer reads slower than we write."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def close(self) -> None:
        """Drop the connection. Idempotent."""
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """Send nothing more; the peer closes the connection when it has read everything. Idempotent.

        Closing it here would lose what the peer has not read yet, if it writes in the meantime.
        """
        if self._transport is not None and not self._is_finished:
            self._is_finished = True
            self._transport.write_eof()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, but not by inheritance

    def data_received(self, data: bytes) -> None:
        for payload in self._buffer.feed(data):
            if self._transport is None:
                return
            self._on_payload(payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.error = exc
        self.resume_writing()
        self._on_closed()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent dies; leave at once if it is dead already.

    The signal is cleared by fork and follows the parent *thread*: call it in every child, and start children from the
    main thread. Elsewhere than on Linux the end of the socket is the only sign, which every child also watches.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)
