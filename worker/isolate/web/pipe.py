"""Piping: a readable stream into a writable one.

Source: Streams standard, ReadableStreamPipeTo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.isolate.web.abort import AbortSignal
from paddock.worker.isolate.web.errors import USER_ERRORS, type_error
from paddock.worker.isolate.web.objects import read
from paddock.worker.isolate.web.promise import Promise
from paddock.worker.isolate.web.writable import WritableStream

if TYPE_CHECKING:
    from paddock.worker.isolate.web.streams import ReadableStream

__all__ = ["pipe"]


async def pipe(source: ReadableStream, destination: object, options: object) -> None:
    """Move every chunk. A failure on one side ends the other side too, unless the options prevent it."""
    if not isinstance(destination, WritableStream):
        raise type_error("pipeTo: expected a WritableStream")
    reader, writer = source.getReader(), destination.getWriter()
    broken = _Break()
    # The end of the destination and an abort interrupt even a read that waits for a chunk.
    writer.closed._react(lambda _value: None, broken.on_destination)
    signal = read(options, "signal")
    if isinstance(signal, AbortSignal):
        signal.when_aborted(broken.on_abort)
    try:
        while not read(result := await broken.unless(reader.read()), "done"):
            writer.write(read(result, "value"))._handled()
            await broken.unless(writer.ready)
        if not read(options, "preventClose"):
            await writer.close()
    except USER_ERRORS as error:
        if not broken.is_destination and not read(options, "preventAbort"):
            await writer.abort(error)
        if source._state == "readable" and not read(options, "preventCancel"):
            await reader.cancel(error)
        raise
    finally:
        reader.releaseLock()
        writer.releaseLock()


class _Break:
    """Interrupts whatever the pipe waits for."""

    def __init__(self) -> None:
        self.is_destination = False
        self._reason: object = None
        self._is_broken = False
        self._waiting: Promise[object] | None = None

    def on_destination(self, reason: object) -> None:
        self.is_destination = not self._is_broken
        self.on_abort(reason)

    def on_abort(self, reason: object) -> None:
        self._is_broken, self._reason = True, reason
        if self._waiting is not None:
            self._waiting._reject(reason)

    async def unless(self, promise: Promise[object]) -> object:
        """The promise's result, or what broke the pipe first."""
        self._waiting = Promise.pending()
        promise._react(self._waiting._resolve, self._waiting._reject)
        if self._is_broken:
            self._waiting._reject(self._reason)
        return await self._waiting
