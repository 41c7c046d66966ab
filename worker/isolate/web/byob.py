"""`ReadableStreamBYOBReader`: reads bytes into a buffer that the reader brings.

Source: Streams standard, "BYOB readers"; workerd, api/streams (`readAtLeast`, the texts of errors). As in workerd, what
is read comes back as a Uint8Array, and the buffer that was given is empty afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.isolate.web.buffers import DataView, JsBuffer, TypedArray, uint8_array
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.controller import result
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.objects import JsProxy, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.streams import ReadableStream, ReadableStreamDefaultReader

if TYPE_CHECKING:
    from paddock.worker.isolate.web.objects import JsObject
    from paddock.worker.isolate.web.promise import Promise

__all__ = ["ReadableStreamBYOBReader"]


class ReadableStreamBYOBReader(JsProxy, metaclass=JsClass):
    """Holds the lock of a stream of bytes."""

    def __init__(self, stream: object) -> None:
        if not isinstance(stream, ReadableStream) or not stream._has_bytes:
            raise type_error("This ReadableStream does not support BYOB reads.")
        self._stream = stream
        self._reader = ReadableStreamDefaultReader.new(stream)
        #: What came and did not fit.
        self._rest = b""

    @property
    def closed(self) -> Promise[object]:
        return self._reader.closed

    @promised
    async def read(self, view: object = None) -> JsObject:
        """An object with the bytes that there are, at most as many as the buffer holds, and `done`."""
        return await self._fill(view, 1)

    @promised
    async def readAtLeast(self, least: int, view: object = None) -> JsObject:
        """Like `read`, but with so many bytes at least, unless the stream ends before."""
        return await self._fill(view, least)

    def cancel(self, reason: object = None) -> Promise[object]:
        return self._reader.cancel(reason)

    def releaseLock(self) -> None:
        """Let another reader have the stream, and what is left over."""
        if self._rest:
            self._stream._controller._queue.appendleft((uint8_array(self._rest), 0))
        self._rest = b""
        self._reader.releaseLock()

    async def _fill(self, view: object, least: int) -> JsObject:
        if not isinstance(view, TypedArray | DataView):
            raise type_error(
                "Failed to execute 'read' on 'ReadableStreamBYOBReader': parameter 1 is not of type 'ArrayBufferView'."
            )
        size = view.byteLength
        if not size:
            raise type_error('You must call read() on a "byob" reader with a positive-sized TypedArray object.')
        if least > size:
            raise type_error(f"Minimum bytes to read ({least}) exceeds size of buffer ({size}).")
        view.buffer.detach()
        is_over = False
        while len(self._rest) < least and not is_over:
            found = await self._reader.read()
            chunk, is_over = read(found, "value"), bool(read(found, "done"))
            if isinstance(chunk, JsBuffer):
                self._rest += chunk.to_bytes()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return result(uint8_array(bytearray(taken)), is_over and not taken)
