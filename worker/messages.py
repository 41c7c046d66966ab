"""WebSocket messages as bytes: how they stand in the bodies that carry them across the isolate boundary.

A WebSocket crosses as two bodies, one for each direction: the body of a fetch with `is_upgrade` is what its sender
says, the body of the reply with status 101 what its receiver says. So messages travel on credit like every other body,
and end as bodies end. A message is its kind (a byte, RFC 6455's opcode where there is one) and its content, with the
length of both in front. A direction ends in order with a Close; without one, the connection broke off.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from paddock.worker.channel import BodyBroken, FrameBuffer, WireError, frame

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_MESSAGE_BYTES", "NO_CODE", "Close", "Failure", "Message", "MessageBuffer", "MessageSource", "encode"]

#: Source: workerd, api/web-socket, read 2026-11-26; it was 1 MiB until 2025.
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
#: The code that stands for a Close frame without one. RFC 6455, 7.4.1.
NO_CODE: Final = 1005

_TEXT, _BINARY, _CLOSE, _FAILURE = 0x1, 0x2, 0x8, 0xF


class Close(NamedTuple):
    """A Close frame. `reason` is at most 123 bytes of UTF-8 on a network."""

    code: int = NO_CODE
    reason: str = ""


class Failure(NamedTuple):
    """The other end broke the protocol, was told so with a Close frame, and is not listened to any more."""

    code: int
    description: str


Message: TypeAlias = str | bytes | Close | Failure


def encode(message: Message) -> bytes:
    """The message as it stands in a body. Raises UnicodeEncodeError for a text with lone surrogates."""
    match message:
        case str():
            return frame(bytes([_TEXT]) + message.encode())
        case bytes():
            return frame(bytes([_BINARY]) + message)
        case Close():
            return frame(struct.pack("!BH", _CLOSE, message.code) + message.reason.encode())
        case Failure():
            return frame(struct.pack("!BH", _FAILURE, message.code) + message.description.encode())


class MessageBuffer:
    """Makes messages of the pieces of a body."""

    def __init__(self) -> None:
        self._frames = FrameBuffer()

    def feed(self, piece: bytes) -> Iterator[Message]:
        """Every message that the piece completes, in order. Raises BodyBroken for what is no message."""
        try:
            for payload in self._frames.feed(piece):
                yield _decode(payload)
        except (WireError, ValueError, IndexError, struct.error) as error:
            raise BodyBroken(f"expected WebSocket messages: {error}") from error


class MessageSource:
    """What a client says, as a ByteSource: one record at a time, so that a worker that reads slowly holds it up."""

    def __init__(self) -> None:
        self._records: asyncio.Queue[bytes | BodyBroken | None] = asyncio.Queue()
        self._taken = asyncio.Event()
        self._taken.set()
        #: Set when its reader has come to the end, or wants no more.
        self.over = asyncio.Event()

    async def put(self, record: bytes) -> None:
        """Hand over one record; waits until the one before it was taken."""
        await self._taken.wait()
        if not self.over.is_set():
            self._taken.clear()
            self._records.put_nowait(record)

    def end(self, error: BodyBroken | None) -> None:
        """No more records. The first call decides how it ends; never waits."""
        self._records.put_nowait(error)

    async def pull(self) -> bytes | None:
        if self.over.is_set():
            return None
        record = await self._records.get()
        self._taken.set()
        if isinstance(record, bytes):
            return record
        self.over.set()
        if record is not None:
            raise record
        return None

    async def cancel(self, reason: object) -> None:
        self.over.set()
        self._taken.set()


def _decode(payload: bytes) -> Message:
    kind = payload[0]
    if kind == _TEXT:
        return payload[1:].decode()
    if kind == _BINARY:
        return payload[1:]
    (code,), text = struct.unpack("!H", payload[1:3]), payload[3:].decode()
    if kind == _CLOSE:
        return Close(code, text)
    if kind == _FAILURE:
        return Failure(code, text)
    raise ValueError(f"a message of the unknown kind {kind}")
