"""`CompressionStream` and `DecompressionStream`: gzip, deflate and deflate-raw.

Source: Compression standard; workerd, api/streams/compression (the texts of errors).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.buffers import JsBuffer, uint8_array
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.text import js_string, utf8
from paddock.worker.isolate.web.transform import TransformStream

if TYPE_CHECKING:
    from paddock.worker.isolate.web.transform import TransformStreamDefaultController

__all__ = ["CompressionStream", "DecompressionStream", "byte_chunk"]

#: Format -> zlib's `wbits`, which says what stands around the compressed bytes.
_FORMATS: Final = {"gzip": 31, "deflate": 15, "deflate-raw": -15}
#: A short input may decompress to very much; it is handed on in pieces of this size, as the reader takes them.
_PIECE_BYTES: Final = 65536


class CompressionStream(TransformStream):
    """Compresses the bytes that are written to it."""

    def __init__(self, form: object) -> None:
        super().__init__(_Compression(_window(form)))
        self._readable._has_bytes = True


class DecompressionStream(TransformStream):
    """Decompresses the bytes that are written to it."""

    def __init__(self, form: object) -> None:
        super().__init__(_Decompression(self, _window(form)))
        self._readable._has_bytes = True


class _Compression:
    """A transformer. zlib keeps what is too little to compress."""

    def __init__(self, window: int) -> None:
        self._running = zlib.compressobj(wbits=window)

    def transform(self, chunk: object, controller: TransformStreamDefaultController) -> None:
        if piece := self._running.compress(_octets(chunk)):
            controller.enqueue(uint8_array(piece))

    def flush(self, controller: TransformStreamDefaultController) -> None:
        controller.enqueue(uint8_array(self._running.flush()))


class _Decompression:
    """A transformer that waits for its reader between two pieces."""

    def __init__(self, stream: TransformStream, window: int) -> None:
        self._stream = stream
        self._running = zlib.decompressobj(wbits=window)

    async def transform(self, chunk: object, controller: TransformStreamDefaultController) -> None:
        data = _octets(chunk)
        while data:
            if self._running.eof:
                raise type_error("Trailing bytes after end of compressed data")
            try:
                piece = self._running.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise type_error("Decompression failed.") from error
            data = self._running.unconsumed_tail or self._running.unused_data
            if piece:
                controller.enqueue(uint8_array(piece))
                await self._stream.wanted()

    def flush(self, controller: TransformStreamDefaultController) -> None:
        if rest := self._running.flush():
            controller.enqueue(uint8_array(rest))
        if not self._running.eof:
            raise type_error("Called close() on a decompression stream with incomplete data")


def _window(form: object) -> int:
    name = js_string(form)
    if name not in _FORMATS:
        raise type_error("The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.")
    return _FORMATS[name]


def byte_chunk(chunk: object) -> JsBuffer:
    """What is written to a stream of bytes: buffers, and text as UTF-8. Raises a TypeError for anything else."""
    if isinstance(chunk, str):
        return uint8_array(utf8(chunk))
    if not isinstance(chunk, JsBuffer):
        raise type_error(
            "This TransformStream is being used as a byte stream, but received an object of "
            "non-ArrayBuffer/ArrayBufferView type on its writable side."
        )
    return chunk


def _octets(chunk: object) -> bytes:
    return byte_chunk(chunk).to_bytes()
