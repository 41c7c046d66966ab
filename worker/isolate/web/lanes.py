"""The two directions of a WebSocket, between whoever holds one end and whoever holds the other.

Source: workerd, where every WebSocket of a handler is one end of a pipe: the other end is another WebSocket of the
handler, or what carries the messages to a network.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple, TypeAlias

__all__ = ["Close", "Disconnected", "End", "Lane", "Message", "pipe"]


class Close(NamedTuple):
    """A Close frame; 1005 stands for one without a code."""

    code: int
    reason: str


Message: TypeAlias = str | bytes | Close


class Disconnected(Exception):
    """The other end went away without a Close frame."""


class Lane:
    """One direction. It has no limit, because `send` cannot wait; whoever can wait, waits for `taken`."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._emptied = asyncio.Event()

    def put(self, message: Message) -> None:
        """Add a message; after the end of the lane it is dropped."""
        if self._error is None:
            self._messages.append(message)
            self._emptied.clear()
            self._changed.set()

    async def get(self) -> Message:
        """The next message. Raises what the lane was broken off with, behind the last one."""
        while not self._messages:
            if self._error is not None:
                raise self._error
            self._changed.clear()
            await self._changed.wait()
        message = self._messages.popleft()
        if not self._messages:
            self._emptied.set()
        return message

    async def taken(self) -> None:
        """Return when the reader has taken everything, or never will."""
        if self._messages:
            await self._emptied.wait()

    def break_off(self, error: Exception | None = None) -> None:
        """The writer says no more. Only the first time counts."""
        if self._error is None:
            self._error = error or Disconnected()
            self._changed.set()

    def abandon(self) -> None:
        """The reader reads no more."""
        self.break_off()
        self._messages.clear()
        self._emptied.set()


class End(NamedTuple):
    """What the holder of one end reads and what it writes."""

    inbox: Lane
    outbox: Lane

    def drop(self) -> None:
        """Let go of the connection: the other end finds it broken."""
        self.inbox.abandon()
        self.outbox.break_off()


def pipe() -> tuple[End, End]:
    """Two ends that are joined."""
    one, other = Lane(), Lane()
    return End(one, other), End(other, one)
