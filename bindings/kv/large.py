"""A large value while it is read: a source of bytes over a connection of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Final

from paddock.worker.channel import BodyBroken

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from contextlib import ExitStack

__all__ = ["PIECE_BYTES", "LargeValue"]

PIECE_BYTES: Final = 64 * 1024


class LargeValue:
    """A ByteSource. `blob` is read in `executor` only; `opened` closes it and its connection, at the end or on cancel.

    It is in `registry` until then, so that the store can close what nobody has read.
    """

    def __init__(self, executor: Executor, blob: sqlite3.Blob, opened: ExitStack, registry: set[LargeValue]) -> None:
        self._executor = executor
        self._blob = blob
        self._opened = opened
        self._registry = registry
        self._is_closed = False
        registry.add(self)

    async def pull(self) -> bytes | None:
        """The next piece; None at the end, and after a cancel."""
        if self._is_closed:
            return None
        try:
            piece = await asyncio.get_running_loop().run_in_executor(self._executor, self._read)
        except sqlite3.Error as error:
            raise BodyBroken(f"the value cannot be read: {error}") from error
        return piece or None

    async def cancel(self, reason: object) -> None:
        """Close the value. Idempotent, also after the end."""
        if not self._is_closed:
            await asyncio.get_running_loop().run_in_executor(self._executor, self.close)

    def close(self) -> None:
        """Close the value, in the executor's thread. Idempotent."""
        if not self._is_closed:
            self._is_closed = True
            self._registry.discard(self)
            self._opened.close()

    def _read(self) -> bytes:
        if self._is_closed:
            return b""
        piece = self._blob.read(PIECE_BYTES)
        if not piece:
            self.close()
        return piece
