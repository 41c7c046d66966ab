"""The contents of objects: one file each, written whole before anything points to it."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import IO, TYPE_CHECKING, Final

from paddock.bindings.r2.refusals import MAX_VALUE_BYTES, R2Refused
from paddock.worker.channel import BodyBroken

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from paddock.bindings.binding import FetchRequest

__all__ = ["Blob", "FileSource", "receive"]

_PIECE_BYTES: Final = 64 * 1024
#: What is held in memory before it is written.
_HELD_BYTES: Final = 1024 * 1024


class Blob:
    """A file that nothing points to yet. `digests` are hexadecimal, by the names of hashlib."""

    def __init__(self, path: Path, algorithms: Iterable[str]) -> None:
        self.path = path
        self.size = 0
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in {"md5", *algorithms}}
        self._file = path.open("xb")

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def digests(self) -> dict[str, str]:
        return {name: made.hexdigest() for name, made in self._hashes.items()}

    def write(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.size += len(piece)
            self._file.write(piece)
            for made in self._hashes.values():
                made.update(piece)

    def close(self) -> None:
        self._file.close()

    def discard(self) -> None:
        """Close the file and remove it."""
        self._file.close()
        self.path.unlink(missing_ok=True)


async def receive(request: FetchRequest, folder: Path, algorithms: Iterable[str] = ()) -> Blob:
    """The body of a request as a file. Raises R2Refused for one that is too large or broke off, and keeps nothing."""
    blob = await asyncio.to_thread(Blob, folder / uuid.uuid4().hex, algorithms)
    try:
        body = request.body
        if body is None or isinstance(body, bytes):
            await asyncio.to_thread(blob.write, [body or b""])
        else:
            held: list[bytes] = []
            while (piece := await body.pull()) is not None:
                held.append(piece)
                if sum(map(len, held)) > _HELD_BYTES:
                    await asyncio.to_thread(blob.write, held)
                    held = []
                if blob.size > MAX_VALUE_BYTES:
                    raise R2Refused("too_large")
            await asyncio.to_thread(blob.write, held)
        await asyncio.to_thread(blob.close)
    except OSError as broken:
        blob.discard()
        raise R2Refused("internal", more=f" ({broken})") from broken
    except BaseException:
        blob.discard()
        raise
    finally:
        if request.body is not None and not isinstance(request.body, bytes):
            await request.body.cancel(None)
    return blob


class FileSource:
    """Part of a file as a ByteSource. The file may be removed meanwhile: it is open."""

    def __init__(self, file: IO[bytes], offset: int, length: int) -> None:
        self._file = file
        self._left = length
        file.seek(offset)

    async def pull(self) -> bytes | None:
        """The next piece; None at the end, and after a cancel."""
        if self._left <= 0 or self._file.closed:
            await self.cancel(None)
            return None
        try:
            piece = await asyncio.to_thread(self._file.read, min(_PIECE_BYTES, self._left))
        except (OSError, ValueError) as error:
            raise BodyBroken(f"the object cannot be read: {error}") from error
        self._left -= len(piece) if piece else self._left
        return piece or None

    async def cancel(self, reason: object) -> None:
        """Close the file. Idempotent."""
        self._file.close()
