"""A value on its way in: small ones in memory, large ones in a file that has no name."""

from __future__ import annotations

import asyncio
import tempfile
from typing import IO, TYPE_CHECKING, Final

from paddock.bindings.kv.limits import MAX_VALUE_BYTES, Refused

if TYPE_CHECKING:
    from paddock.bindings.binding import FetchRequest
    from paddock.worker.channel import ByteSource

__all__ = ["Received"]

#: What of a value is held in memory at most.
_HELD_BYTES: Final = 1024 * 1024


class Received:
    """The body of a request, once `take` has returned: `value` is bytes or a file. Close it when it is stored."""

    def __init__(self) -> None:
        self.value: bytes | IO[bytes] = b""
        self._pieces: list[bytes] = []
        self._held = 0
        self._size = 0
        self._file: IO[bytes] | None = None

    async def take(self, request: FetchRequest) -> None:
        """Read the body to its end. Raises Refused for one over the limit, with its size, and for one that broke off.

        What is over the limit is counted and thrown away: the text of production's error has the whole size.
        """
        body = request.body
        if body is None or isinstance(body, bytes):
            self.value = body or b""
            return
        stated = request.header("content-length")
        try:
            if stated is not None and stated.isdecimal():
                _check_size(int(stated))
            await self._pull(body)
        finally:
            await body.cancel(None)
        _check_size(self._size)
        if self._file is None:
            self.value = b"".join(self._pieces)
        else:
            await self._spill()
            self.value = self._file

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()

    async def _pull(self, body: ByteSource) -> None:
        while True:
            try:
                piece = await body.pull()
            except OSError as broken:  # what a source raises, and nothing else
                raise Refused(400, f"The value broke off: {broken}") from broken
            if piece is None:
                return
            self._size += len(piece)
            if self._size <= MAX_VALUE_BYTES:
                self._pieces.append(piece)
                self._held += len(piece)
                if self._held > _HELD_BYTES:
                    await self._spill()

    async def _spill(self) -> None:
        """Write what is held into the file, off the event loop."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        pieces, self._pieces, self._held = self._pieces, [], 0
        await asyncio.to_thread(self._file.writelines, pieces)


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAX_VALUE_BYTES:
        raise Refused(413, f"Value length of {size_bytes} exceeds limit of {MAX_VALUE_BYTES}.")
