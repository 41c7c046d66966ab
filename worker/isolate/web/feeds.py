"""What fills the streams of the platform itself: byte sources, iterables, the two branches of a tee."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from paddock.worker.isolate.web.buffers import TypedArray, uint8_array
from paddock.worker.isolate.web.errors import USER_ERRORS
from paddock.worker.isolate.web.objects import read
from paddock.worker.isolate.web.promise import start

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.isolate.web.controller import ReadableStreamDefaultController
    from paddock.worker.isolate.web.promise import Promise
    from paddock.worker.isolate.web.streams import ReadableStream, ReadableStreamDefaultReader

__all__ = ["ByteSource", "BytesSource", "Feed", "IterableFeed", "SourceFeed", "TeeFeed"]

_END: Final = object()


class ByteSource(Protocol):
    """Bytes that somebody else produces, piece by piece."""

    async def pull(self) -> bytes | None:
        """The next piece; None at the end. Raises when the source fails."""
        ...

    async def cancel(self, reason: object) -> None:
        """Say that no further piece is wanted."""
        ...


class Feed(Protocol):
    """Fills a stream of the platform's own."""

    def pull(self, controller: ReadableStreamDefaultController) -> object: ...

    def cancel(self, reason: object) -> object: ...


class SourceFeed:
    """A byte source; its pieces become Uint8Arrays."""

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


class BytesSource:
    """A source of bytes that are all there."""

    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data or None

    async def pull(self) -> bytes | None:
        piece, self._data = self._data, None
        return piece

    async def cancel(self, reason: object) -> None:
        self._data = None


class IterableFeed:
    """What an iterable or an async iterable yields."""

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


class TeeFeed:
    """One reader, two streams. The source is cancelled when both of them are."""

    def __init__(self, reader: ReadableStreamDefaultReader, make: Callable[[Feed], ReadableStream]) -> None:
        self._reader = reader
        self._cancelled = [False, False]
        self.branches = [make(_Branch(self, index)) for index in (0, 1)]

    async def pull(self) -> None:
        try:
            result = await self._reader.read()
        except USER_ERRORS as error:  # whatever broke the source breaks both branches
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
    def __init__(self, tee: TeeFeed, index: int) -> None:
        self._tee, self._index = tee, index

    async def pull(self, controller: ReadableStreamDefaultController) -> None:
        await self._tee.pull()

    async def cancel(self, reason: object) -> None:
        await self._tee.cancel(self._index, reason)
