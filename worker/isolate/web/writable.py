"""`WritableStream`, its writer and its controller.

Source: Streams standard, "Writable streams". One simplification: an abort does not wait for the write under way.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from paddock.worker.isolate.web.abort import AbortSignal
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.controller import strategy_of
from paddock.worker.isolate.web.errors import USER_ERRORS, type_error
from paddock.worker.isolate.web.objects import JsProxy, null, read
from paddock.worker.isolate.web.promise import Promise, adopt

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Sink", "WritableStream", "WritableStreamDefaultController", "WritableStreamDefaultWriter"]

_LOCKED: Final = "This WritableStream is currently locked to a writer."
_RELEASED: Final = "This WritableStream writer has been released."
_CLOSED: Final = "This WritableStream has been closed."
_CLOSE: Final = object()


class Sink(Protocol):
    """Where chunks go. What the methods return may be any awaitable."""

    def write(self, chunk: object) -> object: ...

    def close(self) -> object: ...

    def abort(self, reason: object) -> object: ...


class _Entry(NamedTuple):
    chunk: object
    size: float
    written: Promise[object]


class WritableStream(JsProxy, metaclass=JsClass):
    """A queue of chunks before a sink that takes one at a time."""

    def __init__(self, underlying: object = None, strategy: object = None) -> None:
        controller = WritableStreamDefaultController(self)
        self._setup(_UserSink(underlying, controller), *strategy_of(strategy, 1))
        begin = read(underlying, "start")
        self._is_started = False
        adopt(begin(controller) if callable(begin) else None)._react(self._started, self._fail)

    @classmethod
    def to(
        cls, sink: Sink, high_water_mark: float = 1, size: Callable[[object], float] | None = None
    ) -> WritableStream:
        """A stream into a sink of the platform's own."""
        stream = cls.__new__(cls)
        stream._setup(sink, high_water_mark, size or (lambda _chunk: 1))
        return stream

    def _setup(self, sink: Sink, high_water_mark: float, size: Callable[[object], float]) -> None:
        self._sink, self._high_water_mark, self._size = sink, high_water_mark, size
        self._state = "writable"
        self._error: object = None
        self._queue: deque[_Entry] = deque()
        self._queued = 0.0
        self._is_started = True
        self._is_busy = False
        self._is_closing = False
        self._writer: WritableStreamDefaultWriter | None = None
        self._abort_signal = AbortSignal.pending()

    @property
    def locked(self) -> bool:
        return self._writer is not None

    def getWriter(self) -> WritableStreamDefaultWriter:
        """The stream's one writer. Raises a TypeError while another one holds the lock."""
        return WritableStreamDefaultWriter.new(self)

    def close(self) -> Promise[object]:
        return Promise.reject(type_error(_LOCKED)) if self.locked else self._close()

    def abort(self, reason: object = None) -> Promise[object]:
        return Promise.reject(type_error(_LOCKED)) if self.locked else self._abort(reason)

    @property
    def _room(self) -> float:
        return self._high_water_mark - self._queued

    def _started(self, _value: object) -> None:
        self._is_started = True
        self._advance()

    def _write(self, chunk: object) -> Promise[object]:
        if self._state == "errored":
            return Promise.reject(self._error)
        if self._is_closing or self._state == "closed":
            return Promise.reject(type_error(_CLOSED))
        return self._enqueue(chunk, self._size(chunk))

    def _close(self) -> Promise[object]:
        if self._state == "errored":
            return Promise.reject(self._error)
        if self._is_closing or self._state == "closed":
            return Promise.reject(type_error(_CLOSED))
        self._is_closing = True
        return self._enqueue(_CLOSE, 0)

    def _enqueue(self, chunk: object, size: float) -> Promise[object]:
        entry = _Entry(chunk, size, Promise.pending())
        self._queue.append(entry)
        self._queued += size
        self._update_ready()
        self._advance()
        return entry.written

    def _advance(self) -> None:
        """Hand the next chunk to the sink, if it is free."""
        if self._is_busy or not self._is_started or not self._queue or self._state != "writable":
            return
        self._is_busy = True
        entry = self._queue[0]
        try:
            result = adopt(self._sink.close() if entry.chunk is _CLOSE else self._sink.write(entry.chunk))
        except USER_ERRORS as error:  # user code: what a sink raises breaks the stream
            result = Promise.reject(error)

        def failed(reason: object) -> None:
            entry.written._reject(reason)
            self._fail(reason)

        result._react(lambda _value: self._wrote(entry), failed)

    def _wrote(self, entry: _Entry) -> None:
        self._is_busy = False
        entry.written._resolve()
        if self._state != "writable":
            return
        self._queue.popleft()
        self._queued -= entry.size
        if entry.chunk is _CLOSE:
            self._state = "closed"
            if self._writer is not None:
                self._writer._closed._resolve()
        self._update_ready()
        self._advance()

    def _abort(self, reason: object) -> Promise[object]:
        if self._state != "writable":
            return adopt(None)
        self._abort_signal.fire(reason)
        self._fail(reason)
        try:
            return adopt(self._sink.abort(reason)).then(lambda _value: None)
        except USER_ERRORS as error:  # user code: what `abort` raises is what the aborter gets
            return Promise.reject(error)

    def _fail(self, reason: object) -> None:
        """Break the stream: everything that waits is rejected."""
        if self._state != "writable":
            return
        self._state, self._error = "errored", reason
        for entry in self._queue:
            entry.written._handled()._reject(reason)
        self._queue.clear()
        if self._writer is not None:
            self._writer._closed._handled()._reject(reason)
            self._writer._ready._handled()._reject(reason)

    def _update_ready(self) -> None:
        writer = self._writer
        if writer is None or self._state == "errored":
            return
        if self._room > 0 or self._is_closing:
            writer._ready._resolve()
        elif writer._ready._is_settled:
            writer._ready = Promise.pending()


class WritableStreamDefaultWriter(JsProxy, metaclass=JsClass):
    """Holds the lock of a stream. `write` settles when the sink has taken the chunk."""

    def __init__(self, stream: object) -> None:
        if not isinstance(stream, WritableStream):
            raise type_error("WritableStreamDefaultWriter: expected a WritableStream")
        if stream.locked:
            raise type_error(_LOCKED)
        self._stream: WritableStream | None = stream
        self._closed: Promise[object] = Promise.pending()
        self._ready: Promise[object] = Promise.pending()
        stream._writer = self
        if stream._state == "errored":
            self._closed._handled()._reject(stream._error)
            self._ready._handled()._reject(stream._error)
        elif stream._state == "closed":
            self._closed._resolve()
        stream._update_ready()

    @property
    def closed(self) -> Promise[object]:
        return self._closed

    @property
    def ready(self) -> Promise[object]:
        return self._ready

    @property
    def desiredSize(self) -> object:
        if self._stream is None or self._stream._state == "errored":
            return null()
        return 0 if self._stream._state == "closed" else self._stream._room

    def write(self, chunk: object = None) -> Promise[object]:
        return self._released() if self._stream is None else self._stream._write(chunk)

    def close(self) -> Promise[object]:
        return self._released() if self._stream is None else self._stream._close()

    def abort(self, reason: object = None) -> Promise[object]:
        return self._released() if self._stream is None else self._stream._abort(reason)

    def releaseLock(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream._writer = None
            self._closed._handled()._reject(type_error(_RELEASED))
            self._ready._handled()._reject(type_error(_RELEASED))

    def _released(self) -> Promise[object]:
        return Promise.reject(type_error(_RELEASED))


class WritableStreamDefaultController(JsProxy):
    """What the callbacks of a sink get: a way to break the stream."""

    def __init__(self, stream: WritableStream) -> None:
        self._stream = stream

    @property
    def signal(self) -> AbortSignal:
        """Aborted when the stream is."""
        return self._stream._abort_signal

    def error(self, reason: object = None) -> None:
        self._stream._fail(reason)


class _UserSink:
    """A sink made of a handler's callbacks, each of them optional."""

    def __init__(self, underlying: object, controller: WritableStreamDefaultController) -> None:
        self._underlying, self._controller = underlying, controller

    def write(self, chunk: object) -> object:
        return self._call("write", chunk, self._controller)

    def close(self) -> object:
        return self._call("close")

    def abort(self, reason: object) -> object:
        return self._call("abort", reason)

    def _call(self, name: str, *arguments: object) -> object:
        callback = read(self._underlying, name)
        return callback(*arguments) if callable(callback) else None
