"""The queue of a readable stream, which `start` and `pull` fill.

Source: Streams standard, "The ReadableStreamDefaultController class".
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, cast

from paddock.worker.isolate.web.errors import USER_ERRORS, range_error, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, null, read
from paddock.worker.isolate.web.promise import Promise, adopt

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.isolate.web.streams import ReadableStream

__all__ = ["ReadableStreamDefaultController", "one", "result", "strategy_of"]


class ReadableStreamDefaultController(JsProxy):
    """What `start` and `pull` fill a stream through."""

    def __init__(self, stream: ReadableStream, high_water_mark: float, size: Callable[[object], float]) -> None:
        self._stream = stream
        stream._controller = self
        self._queue: deque[tuple[object, float]] = deque()
        self._queued = 0.0
        self._high_water_mark, self._size = high_water_mark, size
        self._pull: Callable[[], object]
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
            reader._requests.popleft()._resolve(result(chunk, False))
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
            return adopt(result(chunk, False))
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
        except USER_ERRORS as error:  # user code: what `pull` raises breaks the stream
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
        except USER_ERRORS as error:  # user code: what `cancel` raises is what the canceller gets
            return Promise.reject(error)


def strategy_of(strategy: object, default: float) -> tuple[float, Callable[[object], float]]:
    """High-water mark and size function of a queuing strategy."""
    mark, size = read(strategy, "highWaterMark"), read(strategy, "size")
    if mark is not None and (not isinstance(mark, int | float) or mark != mark or mark < 0):
        raise range_error("Invalid highWaterMark")
    return default if mark is None else mark, cast("Callable[[object], float]", size) if callable(size) else one


def one(_chunk: object) -> float:
    """The size of a chunk where chunks are counted."""
    return 1


def result(value: object, done: bool) -> JsObject:
    """What a read resolves to."""
    return JsObject({"value": value, "done": done})
