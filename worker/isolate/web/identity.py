"""`IdentityTransformStream` and `FixedLengthStream`: bytes that pass through unchanged.

Source: developer docs, "Streams", TransformStream; workerd, api/streams/transform. In production a body whose stream
has a fixed length is sent with Content-Length; here it is held to its length, and sent in chunks like every stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.isolate.web.compression import byte_chunk
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.transform import TransformStream

if TYPE_CHECKING:
    from paddock.worker.isolate.web.transform import TransformStreamDefaultController

__all__ = ["FixedLengthStream", "IdentityTransformStream"]


class IdentityTransformStream(TransformStream):
    """Takes ArrayBuffers, views on them, and text, which becomes UTF-8."""

    def __init__(self, strategy: object = None) -> None:
        super().__init__(_Passage(None), strategy)
        self._readable._has_bytes = True


class FixedLengthStream(TransformStream):
    """Fails when another number of bytes is written than was said."""

    def __init__(self, length: object, strategy: object = None) -> None:
        if not isinstance(length, int | float) or not 0 <= length <= 2**53 - 1 or length != int(length):
            raise type_error("FixedLengthStream requires an integer expected length less than 2^53.")
        super().__init__(_Passage(int(length)), strategy)
        self._readable._has_bytes = True


class _Passage:
    def __init__(self, length: int | None) -> None:
        self._left = length

    def transform(self, chunk: object, controller: TransformStreamDefaultController) -> None:
        data = byte_chunk(chunk)
        size = len(data._view())
        if self._left is not None:
            if size > self._left:
                raise type_error("Attempt to write too many bytes through a FixedLengthStream.")
            self._left -= size
        if size:
            controller.enqueue(data)

    def flush(self, controller: TransformStreamDefaultController) -> None:
        if self._left:
            raise type_error("FixedLengthStream did not see all expected bytes before close().")
