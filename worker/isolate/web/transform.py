"""`TransformStream`: what is written to one side is read, changed or not, from the other.

Source: Streams standard, "Transform streams". A write settles when the reader has asked for its chunk, so chunks reach
the client as they are written and nothing piles up between the two. PW-091, PW-093.
"""

from __future__ import annotations

from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.controller import ReadableStreamDefaultController, strategy_of
from paddock.worker.isolate.web.errors import USER_ERRORS, abort_error, as_exception, type_error
from paddock.worker.isolate.web.objects import JsProxy, read
from paddock.worker.isolate.web.promise import Promise, adopt
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.writable import WritableStream

__all__ = ["TransformStream", "TransformStreamDefaultController"]


class TransformStream(JsProxy, metaclass=JsClass):
    """A pair of streams. Without a transformer the chunks pass unchanged."""

    def __init__(
        self, transformer: object = None, writable_strategy: object = None, readable_strategy: object = None
    ) -> None:
        self._transformer = transformer
        self._has_pressure = True
        self._change: Promise[object] = Promise.pending()
        self._controller = TransformStreamDefaultController(self)
        mark, size = strategy_of(readable_strategy, 0)
        self._readable = ReadableStream._with(self)
        self._readable._controller._high_water_mark, self._readable._controller._size = mark, size
        self._writable = WritableStream.to(_TransformSink(self), *strategy_of(writable_strategy, 1))
        begin = read(transformer, "start")
        if callable(begin):
            self._writable._is_started = False
            adopt(begin(self._controller))._react(self._writable._started, self._fail)

    @property
    def readable(self) -> ReadableStream:
        return self._readable

    @property
    def writable(self) -> WritableStream:
        return self._writable

    async def wanted(self) -> None:
        """Return when the reader wants a chunk. Raises what broke the stream while it waited."""
        while self._has_pressure:
            await self._change
        if self._writable._state == "errored":
            raise as_exception(self._writable._error)

    def pull(self, _controller: ReadableStreamDefaultController) -> Promise[object]:
        """The reader wants a chunk: let the writer go on, until there is enough again."""
        self._set_pressure(False)
        return self._change

    def cancel(self, reason: object) -> None:
        """The reader is gone: so is the writer."""
        self._writable._fail(abort_error("The reader has cancelled this stream.") if reason is None else reason)
        self._set_pressure(False)

    async def _transform(self, chunk: object) -> None:
        await self.wanted()
        transform = read(self._transformer, "transform")
        if not callable(transform):
            self._controller.enqueue(chunk)
            return
        try:
            await adopt(transform(chunk, self._controller))
        except USER_ERRORS as error:  # user code: what it raises breaks both sides
            self._fail(error)
            raise

    async def _flush(self) -> None:
        flush = read(self._transformer, "flush")
        try:
            if callable(flush):
                await adopt(flush(self._controller))
        except USER_ERRORS as error:  # user code: what it raises breaks both sides
            self._fail(error)
            raise
        self._controller._close_readable()

    def _fail(self, reason: object) -> None:
        self._readable._fail(reason)
        self._writable._fail(reason)
        self._set_pressure(False)

    def _set_pressure(self, has_pressure: bool) -> None:
        if has_pressure is not self._has_pressure:
            self._has_pressure = has_pressure
            changed, self._change = self._change, Promise.pending()
            changed._resolve()


class TransformStreamDefaultController(JsProxy):
    """What the callbacks of a transformer get."""

    def __init__(self, stream: TransformStream) -> None:
        self._stream = stream

    @property
    def desiredSize(self) -> object:
        return self._stream._readable._controller.desiredSize

    def enqueue(self, chunk: object = None) -> None:
        """Hand a chunk to the reader's side."""
        controller = self._stream._readable._controller
        if self._stream._readable._state == "errored":
            raise as_exception(self._stream._readable._error)
        controller.enqueue(chunk)
        self._stream._set_pressure(not controller._is_wanted)

    def error(self, reason: object = None) -> None:
        """Break both sides."""
        self._stream._fail(reason)

    def terminate(self) -> None:
        """End the reader's side and refuse further writes."""
        self._close_readable()
        self._stream._writable._fail(type_error("This TransformStream has been terminated."))
        self._stream._set_pressure(False)

    def _close_readable(self) -> None:
        readable = self._stream._readable
        if readable._state == "readable" and not readable._controller._is_closing:
            readable._controller.close()


class _TransformSink:
    def __init__(self, stream: TransformStream) -> None:
        self._stream = stream

    def write(self, chunk: object) -> object:
        return self._stream._transform(chunk)

    def close(self) -> object:
        return self._stream._flush()

    def abort(self, reason: object) -> None:
        self._stream._fail(reason)
