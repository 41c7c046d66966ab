"""Reading a stream to its end from Python."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.errors import USER_ERRORS, type_error
from paddock.worker.isolate.web.objects import read

if TYPE_CHECKING:
    from paddock.worker.isolate.web.streams import ReadableStream, ReadableStreamDefaultReader

__all__ = ["iterate_bytes", "iterate_chunks"]


def iterate_bytes(stream: ReadableStream) -> AsyncGenerator[bytes, None]:
    """Lock a stream and drain it as bytes.

    Closing the iterator early cancels the stream. Raises a TypeError for a chunk that is no buffer, and what the
    stream fails with.
    """
    return _Pieces(stream)


async def iterate_chunks(reader: ReadableStreamDefaultReader, *, prevent_cancel: bool) -> AsyncGenerator[object, None]:
    """Every chunk of a reader's stream. Leaving the loop early cancels the stream, unless told not to."""
    is_over = False
    try:
        while True:
            try:
                result = await reader.read()
            except USER_ERRORS:
                is_over = True
                raise
            if read(result, "done"):
                is_over = True
                return
            yield read(result, "value")
    finally:
        if not is_over and not prevent_cancel:
            await reader.cancel()
        reader.releaseLock()


class _Pieces(AsyncGenerator[bytes, None]):
    """What `iterate_bytes` returns. A class, because closing it must cancel the stream even before the first piece."""

    def __init__(self, stream: ReadableStream) -> None:
        self._reader = stream.getReader()
        self._is_over = False

    async def asend(self, _value: None) -> bytes:
        while not self._is_over:
            try:
                result = await self._reader.read()
            except USER_ERRORS:
                self._is_over = True
                raise
            if read(result, "done"):
                self._is_over = True
                break
            chunk = read(result, "value")
            if not isinstance(chunk, JsBuffer):
                error = type_error("This ReadableStream did not return bytes.")
                await self._leave(error)
                raise error
            if piece := chunk.to_bytes():
                return piece
        raise StopAsyncIteration

    async def athrow(self, kind: object, value: object = None, traceback: object = None) -> bytes:
        error = kind if isinstance(kind, BaseException) else value
        await self._leave(error)
        raise error if isinstance(error, BaseException) else RuntimeError(f"not an exception: {kind}")

    async def aclose(self) -> None:
        await self._leave(None)

    async def _leave(self, reason: object) -> None:
        if not self._is_over:
            self._is_over = True
            await self._reader.cancel(reason)
