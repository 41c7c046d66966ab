"""`ReadableStream` and its reader.

Source: Streams standard, "Readable streams". The standard's algorithms in Python's terms: a read request is a promise,
what a handler's `start`, `pull` and `cancel` return may be any awaitable. PW-059, PW-091 to PW-093, PW-139.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.classes import JsClass, folds_keywords
from paddock.worker.isolate.web.controller import ReadableStreamDefaultController, one, result, strategy_of
from paddock.worker.isolate.web.drain import iterate_bytes, iterate_chunks
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.feeds import ByteSource, BytesSource, IterableFeed, SourceFeed, TeeFeed
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, read
from paddock.worker.isolate.web.promise import Promise, adopt, promised
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.feeds import Feed
    from paddock.worker.isolate.web.writable import WritableStream

__all__ = ["ByteSource", "ReadableStream", "ReadableStreamDefaultReader", "iterate_bytes", "take_source"]

_LOCKED: Final = "This ReadableStream is currently locked to a reader."
_RELEASED: Final = "This ReadableStream reader has been released."


class ReadableStream(JsProxy, metaclass=JsClass):
    """A stream of chunks. In Python it can be iterated with `async for`."""

    def __init__(self, underlying: object = None, strategy: object = None) -> None:
        kind = read(underlying, "type")
        if kind not in (None, "", "bytes"):
            raise type_error(f'"{js_string(kind)}" is not a valid type of ReadableStream.')
        high_water_mark, size = strategy_of(strategy, 0 if kind == "bytes" else 1)
        self._setup()
        self._has_bytes = kind == "bytes"
        pull, cancel = _callback(underlying, "pull"), _callback(underlying, "cancel")
        controller = ReadableStreamDefaultController(self, high_water_mark, size)
        controller._pull = lambda: pull(controller)
        controller._cancel = cancel
        controller._begin(_callback(underlying, "start")(controller))

    @classmethod
    def from_source(cls, source: ByteSource) -> ReadableStream:
        """A stream of Uint8Arrays from a source, which is asked only when somebody reads."""
        stream = cls._with(SourceFeed(source))
        stream._source, stream._has_bytes = source, True
        return stream

    @classmethod
    def of_bytes(cls, data: bytes) -> ReadableStream:
        """A stream of bytes that are all there."""
        return cls.from_source(BytesSource(data))

    @classmethod
    def from_(cls, iterable: object) -> ReadableStream:
        """A stream of what an iterable or an async iterable yields."""
        if not isinstance(iterable, AsyncIterable | Iterable):
            raise type_error("ReadableStream.from: expected an iterable")
        return cls._with(IterableFeed(iterable))

    @classmethod
    def _with(cls, feed: Feed) -> ReadableStream:
        """A stream that a feed of the platform fills, on demand only."""
        stream = cls.__new__(cls)
        stream._setup()
        controller = ReadableStreamDefaultController(stream, 0, one)
        controller._pull = lambda: feed.pull(controller)
        controller._cancel = feed.cancel
        controller._is_started = True
        return stream

    def _setup(self) -> None:
        self._state = "readable"
        self._error: object = None
        self._reader: ReadableStreamDefaultReader | None = None
        self._is_disturbed = False
        self._source: ByteSource | None = None
        self._has_bytes = False
        self._controller: ReadableStreamDefaultController

    @property
    def locked(self) -> bool:
        return self._reader is not None

    def getReader(self, options: object = None, **members: object) -> Any:  # one of two kinds of readers
        """The stream's one reader. Raises a TypeError while another one holds the lock."""
        mode = members.get("mode", read(options, "mode"))
        if mode == "byob":
            from paddock.worker.isolate.web.byob import ReadableStreamBYOBReader  # imports this module

            return ReadableStreamBYOBReader.new(self)
        if mode is not None:
            raise type_error("mode must be undefined or 'byob' in call to getReader().")
        return ReadableStreamDefaultReader.new(self)

    def cancel(self, reason: object = None) -> Promise[object]:
        """Give the rest up."""
        if self.locked:
            return Promise.reject(type_error(_LOCKED))
        return self._cancel(reason)

    def tee(self) -> JsArray:
        """Two streams with the same chunks. What one of them has not read yet is kept for it."""
        branches = TeeFeed(self.getReader(), type(self)._with).branches
        for branch in branches:
            branch._has_bytes = self._has_bytes
        return JsArray(branches)

    @promised
    async def pipeTo(self, destination: WritableStream, options: object = None) -> None:
        """Write every chunk to a writable stream. Errors pass on in both directions, unless the options prevent it."""
        from paddock.worker.isolate.web.pipe import pipe  # imports this module

        await pipe(self, destination, options)

    @folds_keywords
    def pipeThrough(self, pair: object, options: object = None) -> ReadableStream:
        """Pipe to the writable side of a pair; its readable side is the result."""
        self.pipeTo(read(pair, "writable"), options)._handled()
        return cast("ReadableStream", read(pair, "readable"))

    @folds_keywords
    def values(self, options: object = None) -> AsyncIterator[object]:
        """Iterate the chunks; leaving the loop cancels the stream unless `preventCancel` is set."""
        return iterate_chunks(self.getReader(), prevent_cancel=bool(read(options, "preventCancel")))

    def __aiter__(self) -> AsyncIterator[object]:
        return self.values()

    def break_off(self, reason: object) -> None:
        """Fail the stream and let its source go: what an abort does to a body under way."""
        if self._state == "readable":
            self._fail(reason)
            self._controller._cancelled(reason)._handled()

    def _cancel(self, reason: object) -> Promise[object]:
        self._is_disturbed = True
        if self._state == "closed":
            return adopt(None)
        if self._state == "errored":
            return Promise.reject(self._error)
        self._close()
        return self._controller._cancelled(reason)

    def _close(self) -> None:
        if self._state != "readable":
            return
        self._state = "closed"
        if self._reader is not None:
            self._reader._closed._resolve()
            self._reader._finish(lambda request: request._resolve(result(None, True)))

    def _fail(self, reason: object) -> None:
        if self._state != "readable":
            return
        self._state, self._error = "errored", reason
        self._controller._queue.clear()
        if self._reader is not None:
            self._reader._closed._handled()._reject(reason)
            self._reader._finish(lambda request: request._reject(reason))


class ReadableStreamDefaultReader(JsProxy, metaclass=JsClass):
    """Holds the lock of a stream and reads its chunks in order."""

    def __init__(self, stream: object) -> None:
        if not isinstance(stream, ReadableStream):
            raise type_error("ReadableStreamDefaultReader: expected a ReadableStream")
        if stream.locked:
            raise type_error(_LOCKED)
        self._stream: ReadableStream | None = stream
        self._requests: deque[Promise[object]] = deque()
        self._closed: Promise[object] = Promise.pending()
        stream._reader = self
        if stream._state == "closed":
            self._closed._resolve()
        elif stream._state == "errored":
            self._closed._handled()._reject(stream._error)

    @property
    def closed(self) -> Promise[object]:
        return self._closed

    def read(self) -> Promise[object]:
        """A promise for an object with `value` and `done`."""
        stream = self._stream
        if stream is None:
            return Promise.reject(type_error(_RELEASED))
        stream._is_disturbed = True
        if stream._state == "closed":
            return adopt(result(None, True))
        if stream._state == "errored":
            return Promise.reject(stream._error)
        return stream._controller._read(self._requests)

    def cancel(self, reason: object = None) -> Promise[object]:
        if self._stream is None:
            return Promise.reject(type_error(_RELEASED))
        return self._stream._cancel(reason)

    def releaseLock(self) -> None:
        """Let another reader have the stream. Reads that wait are rejected."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        stream._reader = None
        released = type_error(_RELEASED)
        self._closed._handled()._reject(released)
        self._finish(lambda request: request._reject(released))

    def _finish(self, settle: Callable[[Promise[object]], None]) -> None:
        while self._requests:
            settle(self._requests.popleft())


def take_source(stream: ReadableStream) -> ByteSource | None:
    """The source of a stream that nobody has touched; the stream counts as used then. None for every other stream."""
    source = stream._source
    if source is None or stream._is_disturbed or stream.locked:
        return None
    stream._is_disturbed = True
    stream.getReader()
    return source


def _callback(underlying: object, name: str) -> Callable[..., object]:
    """A callback of an underlying source; one that does nothing where it is absent."""
    found = read(underlying, name)
    if is_nullish(found):
        return lambda *_arguments: None
    if not callable(found):
        raise type_error(f"{name}: expected a function; got {found}")
    return cast("Callable[..., object]", found)
