"""`ReadableStream`, its reader and its controller, and the byte sources that bodies come from.

Source: Streams standard, "Readable streams". The standard's algorithms in Python's terms: a read request is a promise,
what a handler's `start`, `pull` and `cancel` return may be any awaitable. PW-059, PW-091 to PW-093, PW-139.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.buffers import JsBuffer, TypedArray, uint8_array
from paddock.worker.isolate.web.classes import JsClass, folds_keywords
from paddock.worker.isolate.web.errors import JsException, range_error, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, null, read
from paddock.worker.isolate.web.promise import Promise, adopt, promised, start

if TYPE_CHECKING:
    from paddock.worker.isolate.web.writable import WritableStream

__all__ = [
    "ByteSource", "ReadableStream", "ReadableStreamDefaultController", "ReadableStreamDefaultReader", "iterate_bytes",
    "strategy_of", "take_source",
]  # fmt: skip

_Step: TypeAlias = Callable[[], object]

_LOCKED: Final = "This ReadableStream is currently locked to a reader."
_RELEASED: Final = "This ReadableStream reader has been released."
_END: Final = object()


class ByteSource(Protocol):
    """Bytes that somebody else produces, piece by piece."""

    async def pull(self) -> bytes | None:
        """The next piece; None at the end. Raises when the source fails."""
        ...

    async def cancel(self, reason: object) -> None:
        """Say that no further piece is wanted."""
        ...


class ReadableStream(JsProxy, metaclass=JsClass):
    """A stream of chunks. In Python it can be iterated with `async for`."""

    def __init__(self, underlying: object = None, strategy: object = None) -> None:
        high_water_mark, size = strategy_of(strategy, 0 if read(underlying, "type") == "bytes" else 1)
        self._setup()
        pull, cancel = _callback(underlying, "pull"), _callback(underlying, "cancel")
        controller = ReadableStreamDefaultController(self, high_water_mark, size)
        controller._pull = lambda: pull(controller)
        controller._cancel = cancel
        controller._begin(_callback(underlying, "start")(controller))

    @classmethod
    def from_source(cls, source: ByteSource) -> ReadableStream:
        """A stream of Uint8Arrays from a source, which is asked only when somebody reads."""
        stream = cls._with(_SourceFeed(source))
        stream._source = source
        return stream

    @classmethod
    def of_bytes(cls, data: bytes) -> ReadableStream:
        """A stream of bytes that are all there."""
        return cls.from_source(_BytesSource(data))

    @classmethod
    def from_(cls, iterable: object) -> ReadableStream:
        """A stream of what an iterable or an async iterable yields."""
        if not isinstance(iterable, AsyncIterable | Iterable):
            raise type_error("ReadableStream.from: expected an iterable")
        return cls._with(_IterableFeed(iterable))

    @classmethod
    def _with(cls, feed: _Feed) -> ReadableStream:
        """A stream that a feed of the platform fills, on demand only."""
        stream = cls.__new__(cls)
        stream._setup()
        controller = ReadableStreamDefaultController(stream, 0, _one)
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
        self._controller: ReadableStreamDefaultController

    @property
    def locked(self) -> bool:
        return self._reader is not None

    def getReader(self, options: object = None, **members: object) -> ReadableStreamDefaultReader:
        """The stream's one reader. Raises a TypeError while another one holds the lock."""
        mode = members.get("mode", read(options, "mode"))
        if mode is not None:
            raise JsException("NotSupportedError", f"getReader: mode {mode!r} is not available; leave it out")
        return ReadableStreamDefaultReader.new(self)

    def cancel(self, reason: object = None) -> Promise[object]:
        """Give the rest up."""
        if self.locked:
            return Promise.reject(type_error(_LOCKED))
        return self._cancel(reason)

    def tee(self) -> JsArray:
        """Two streams with the same chunks. What one of them has not read yet is kept for it."""
        reader = self.getReader()
        feed = _TeeFeed(reader)
        return JsArray(feed.branches)

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
        return _iterate(self.getReader(), prevent_cancel=bool(read(options, "preventCancel")))

    def __aiter__(self) -> AsyncIterator[object]:
        return self.values()

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
            self._reader._finish(lambda request: request._resolve(_result(None, True)))

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
            return adopt(_result(None, True))
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


class ReadableStreamDefaultController(JsProxy):
    """What `start` and `pull` fill a stream through."""

    def __init__(self, stream: ReadableStream, high_water_mark: float, size: Callable[[object], float]) -> None:
        self._stream = stream
        stream._controller = self
        self._queue: deque[tuple[object, float]] = deque()
        self._queued = 0.0
        self._high_water_mark, self._size = high_water_mark, size
        self._pull: _Step
        self._cancel: Callable[[object], object]
        self._is_started = False
        self._is_pulling = False
        self._pull_again = False
        self._is_closing = False

    @property
    def desiredSize(self) -> object:
        """How much more the queue should hold; null after an error, 0 after the end."""
        match self._stream._state:
            case "errored":
                return null()
            case "closed":
                return 0
        return self._high_water_mark - self._queued

    def enqueue(self, chunk: object = None) -> None:
        """Add a chunk. Raises a TypeError once the stream is closed or broken."""
        self._check_open("enqueue")
        reader = self._stream._reader
        if reader is not None and reader._requests:
            reader._requests.popleft()._resolve(_result(chunk, False))
        else:
            size = self._size(chunk)
            if not 0 <= size < float("inf"):
                raise range_error(f"Invalid chunk size {size}")
            self._queue.append((chunk, size))
            self._queued += size
        self._pull_if_needed()

    def close(self) -> None:
        """End the stream after the chunks that wait in it."""
        self._check_open("close")
        self._is_closing = True
        if not self._queue:
            self._stream._close()

    def error(self, reason: object = None) -> None:
        """Break the stream: readers get `reason`, chunks that wait are dropped."""
        self._stream._fail(reason)

    def _check_open(self, verb: str) -> None:
        if self._is_closing or self._stream._state != "readable":
            raise type_error(f"Unable to {verb}: the ReadableStream is closed or errored")

    def _begin(self, started: object) -> None:
        """Pull only after what `start` returned is done."""

        def begin(_value: object) -> None:
            self._is_started = True
            self._pull_if_needed()

        adopt(started)._react(begin, self.error)

    def _read(self, requests: deque[Promise[object]]) -> Promise[object]:
        if self._queue:
            chunk, size = self._queue.popleft()
            self._queued -= size
            if self._is_closing and not self._queue:
                self._stream._close()
            else:
                self._pull_if_needed()
            return adopt(_result(chunk, False))
        request: Promise[object] = Promise.pending()
        requests.append(request)
        self._pull_if_needed()
        return request

    def _pull_if_needed(self) -> None:
        if not self._is_started or self._is_closing or self._stream._state != "readable" or not self._is_wanted:
            return
        if self._is_pulling:
            self._pull_again = True
            return
        self._is_pulling = True
        try:
            pulled = adopt(self._pull())
        except Exception as error:  # user code: what `pull` raises breaks the stream
            self.error(error)
            return
        pulled._react(self._pulled, self.error)

    def _pulled(self, _value: object) -> None:
        self._is_pulling = False
        if self._pull_again:
            self._pull_again = False
            self._pull_if_needed()

    @property
    def _is_wanted(self) -> bool:
        reader = self._stream._reader
        return bool(reader is not None and reader._requests) or self._high_water_mark - self._queued > 0

    def _cancelled(self, reason: object) -> Promise[object]:
        self._queue.clear()
        try:
            return adopt(self._cancel(reason)).then(lambda _value: None)
        except Exception as error:  # user code: what `cancel` raises is what the canceller gets
            return Promise.reject(error)


class _Feed(Protocol):
    """Fills a stream of the platform's own."""

    def pull(self, controller: ReadableStreamDefaultController) -> object: ...

    def cancel(self, reason: object) -> object: ...


class _SourceFeed:
    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._pulling: Promise[None] | None = None

    def pull(self, controller: ReadableStreamDefaultController) -> Promise[None]:
        async def fill() -> None:
            piece = await self._source.pull()
            if piece is None:
                controller.close()
            else:
                controller.enqueue(uint8_array(piece))

        self._pulling = start(fill())
        return self._pulling

    async def cancel(self, reason: object) -> None:
        if self._pulling is not None and self._pulling._task is not None:
            self._pulling._task.cancel()  # one call at a time: a source is not cancelled in the middle of a pull
        await self._source.cancel(reason)


class _BytesSource:
    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data or None

    async def pull(self) -> bytes | None:
        piece, self._data = self._data, None
        return piece

    async def cancel(self, reason: object) -> None:
        self._data = None


class _IterableFeed:
    def __init__(self, iterable: AsyncIterable[object] | Iterable[object]) -> None:
        self._async = aiter(iterable) if isinstance(iterable, AsyncIterable) else None
        self._sync = iter(iterable) if isinstance(iterable, Iterable) else None

    async def pull(self, controller: ReadableStreamDefaultController) -> None:
        if self._async is not None:
            chunk = await anext(self._async, _END)
        else:
            assert self._sync is not None, "an iterable is one or the other"
            chunk = next(self._sync, _END)
        if chunk is _END:
            controller.close()
        else:
            controller.enqueue(chunk)

    async def cancel(self, reason: object) -> None:
        if isinstance(self._async, AsyncGenerator):
            await self._async.aclose()


class _TeeFeed:
    """One reader, two streams. The source is cancelled when both of them are."""

    def __init__(self, reader: ReadableStreamDefaultReader) -> None:
        self._reader = reader
        self._cancelled = [False, False]
        self.branches = [ReadableStream._with(_Branch(self, index)) for index in (0, 1)]

    async def pull(self) -> None:
        try:
            result = await self._reader.read()
        except Exception as error:  # whatever broke the source breaks both branches
            for branch in self.branches:
                branch._fail(error)
            return
        for index, branch in enumerate(self.branches):
            if self._cancelled[index]:
                continue
            if read(result, "done"):
                branch._controller.close()
            else:
                chunk = read(result, "value")
                # Each branch owns its bytes: a reader of one may change them.
                branch._controller.enqueue(chunk.slice() if index and isinstance(chunk, TypedArray) else chunk)

    async def cancel(self, index: int, reason: object) -> None:
        self._cancelled[index] = True
        if all(self._cancelled):
            await self._reader.cancel(reason)


class _Branch:
    def __init__(self, tee: _TeeFeed, index: int) -> None:
        self._tee, self._index = tee, index

    async def pull(self, controller: ReadableStreamDefaultController) -> None:
        await self._tee.pull()

    async def cancel(self, reason: object) -> None:
        await self._tee.cancel(self._index, reason)


class _Pieces(AsyncGenerator[bytes, None]):
    """What `iterate_bytes` returns. A class, because closing it must cancel the stream even before the first piece."""

    def __init__(self, stream: ReadableStream) -> None:
        self._reader = stream.getReader()
        self._is_over = False

    async def asend(self, _value: None) -> bytes:
        while not self._is_over:
            try:
                result = await self._reader.read()
            except Exception:
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
            return chunk.to_bytes()
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


def iterate_bytes(stream: ReadableStream) -> AsyncGenerator[bytes, None]:
    """Lock a stream and drain it as bytes.

    Closing the iterator early cancels the stream. Raises a TypeError for a chunk that is no buffer, and what the
    stream fails with.
    """
    return _Pieces(stream)


def take_source(stream: ReadableStream) -> ByteSource | None:
    """The source of a stream that nobody has touched; the stream counts as used then. None for every other stream."""
    source = stream._source
    if source is None or stream._is_disturbed or stream.locked:
        return None
    stream._is_disturbed = True
    stream.getReader()
    return source


def strategy_of(strategy: object, default: float) -> tuple[float, Callable[[object], float]]:
    """High-water mark and size function of a queuing strategy."""
    mark, size = read(strategy, "highWaterMark"), read(strategy, "size")
    if mark is not None and (not isinstance(mark, int | float) or mark != mark or mark < 0):
        raise range_error("Invalid highWaterMark")
    return default if mark is None else mark, cast("Callable[[object], float]", size) if callable(size) else _one


def _one(_chunk: object) -> float:
    return 1


def _callback(underlying: object, name: str) -> Callable[..., object]:
    """A callback of an underlying source; one that does nothing where it is absent."""
    found = read(underlying, name)
    if is_nullish(found):
        return lambda *_arguments: None
    if not callable(found):
        raise type_error(f"{name}: expected a function; got {found}")
    return cast("Callable[..., object]", found)


def _result(value: object, done: bool) -> JsObject:
    return JsObject({"value": value, "done": done})


async def _iterate(reader: ReadableStreamDefaultReader, *, prevent_cancel: bool) -> AsyncGenerator[object, None]:
    is_over = False
    try:
        while True:
            try:
                result = await reader.read()
            except Exception:
                is_over = True
                raise
            if read(result, "done"):
                is_over = True
                return
            yield read(result, "value")
    finally:
        if not is_over and not prevent_cancel:
            await cast("Awaitable[object]", reader.cancel())
        reader.releaseLock()
