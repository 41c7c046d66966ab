"""Readable streams."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.errors import JsException, LimitExceeded
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes, take_source

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Source:
    """Pieces of bytes; remembers what was asked of it."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.pieces = list(pieces)
        self.error = error
        self.pulls = 0
        self.cancelled: list[object] = []

    async def pull(self) -> bytes | None:
        self.pulls += 1
        await asyncio.sleep(0)
        if self.error is not None and not self.pieces:
            raise self.error
        return self.pieces.pop(0) if self.pieces else None

    async def cancel(self, reason: object) -> None:
        self.cancelled.append(reason)


def _run(coroutine: Coroutine[object, object, Any]) -> Any:  # results of every type
    return asyncio.run(coroutine)


async def _drain(stream: ReadableStream) -> list[bytes]:
    return [piece async for piece in iterate_bytes(stream)]


def test_source_is_pulled_only_when_read() -> None:
    async def main() -> None:
        source = Source(b"a", b"b")
        stream = ReadableStream.from_source(source)
        await asyncio.sleep(0)
        assert source.pulls == 0
        assert await _drain(stream) == [b"a", b"b"]

    _run(main())


@pytest.mark.parametrize("is_async", [False, True])
def test_a_limit_that_a_pull_ahead_of_the_reader_breaks_ends_the_stream(*, is_async: bool) -> None:
    """Nobody calls that pull, so that nobody but the stream can tell the reader."""

    def breaks(controller: Any) -> None:
        raise LimitExceeded

    async def breaks_later(controller: Any) -> None:
        raise LimitExceeded

    async def main() -> None:
        stream = ReadableStream.new(JsObject({"pull": breaks_later if is_async else breaks}))
        for _ in range(3):
            await asyncio.sleep(0)
        with pytest.raises(LimitExceeded):
            await stream.getReader().read()

    _run(main())


def test_unread_source_can_be_taken_once() -> None:
    source = Source(b"a")
    stream = ReadableStream.from_source(source)
    assert take_source(stream) is source
    assert take_source(stream) is None
    assert stream.locked


def test_touched_or_other_streams_have_no_source_to_take() -> None:
    async def main() -> None:
        read = ReadableStream.from_source(Source(b"a"))
        await read.getReader().read()
        assert take_source(read) is None
        assert take_source(ReadableStream.new()) is None

    _run(main())


def test_failing_source_raises_its_own_exception() -> None:
    stream = ReadableStream.from_source(Source(b"a", error=OSError("gone")))
    with pytest.raises(OSError, match="gone"):
        _run(_drain(stream))


def test_leaving_the_iterator_cancels_the_source() -> None:
    """PW-140."""

    async def main() -> list[object]:
        source = Source(b"a", b"b")
        async with aclosing(iterate_bytes(ReadableStream.from_source(source))) as pieces:
            assert await anext(pieces) == b"a"
        return source.cancelled

    assert _run(main()) == [None]


def test_closing_before_the_first_piece_cancels_too() -> None:
    async def main() -> list[object]:
        source = Source(b"a")
        await iterate_bytes(ReadableStream.from_source(source)).aclose()
        return source.cancelled

    assert _run(main()) == [None]


def test_cancel_interrupts_a_pull_under_way() -> None:
    class Stuck(Source):
        async def pull(self) -> bytes | None:
            await asyncio.Event().wait()
            return None

    async def main() -> list[object]:
        source = Stuck()
        reader = ReadableStream.from_source(source).getReader()
        reading = reader.read()
        await asyncio.sleep(0)
        await reader.cancel("enough")
        assert (await reading).done  # type: ignore[attr-defined]  # a result object
        return source.cancelled

    assert _run(main()) == ["enough"]


def test_chunks_that_are_no_bytes_are_refused() -> None:
    async def main() -> None:
        await _drain(ReadableStream.from_(["text"]))

    with pytest.raises(JsException, match="did not return bytes"):
        _run(main())


def test_start_pull_and_cancel_of_a_handler() -> None:
    """PW-092."""
    seen: list[object] = []

    async def start(controller: Any) -> None:
        await asyncio.sleep(0)
        controller.enqueue(uint8_array(b"s"))

    def pull(controller: Any) -> None:
        seen.append(controller.desiredSize)
        controller.enqueue(uint8_array(b"p"))

    async def main() -> list[bytes]:
        stream = ReadableStream.new(JsObject({"start": start, "pull": pull, "cancel": seen.append}))
        async with aclosing(iterate_bytes(stream)) as pieces:
            return [await anext(pieces), await anext(pieces)]

    assert _run(main()) == [b"s", b"p"]
    assert seen[0] == 1
    assert seen[-1] is None


def test_pull_keeps_the_queue_at_its_mark() -> None:
    async def main() -> int:
        pulls = 0

        def pull(controller: Any) -> None:
            nonlocal pulls
            pulls += 1
            controller.enqueue(pulls)

        ReadableStream.new({"pull": pull}, {"highWaterMark": 3})
        for _ in range(10):
            await asyncio.sleep(0)
        return pulls

    assert _run(main()) == 3


def test_error_of_the_controller_reaches_the_reader() -> None:
    """PW-093."""

    async def main() -> None:
        error = JsException("Error", "broken")
        reader = ReadableStream.new(JsObject({"start": lambda controller: controller.error(error)})).getReader()
        await reader.read()

    with pytest.raises(JsException, match="broken"):
        _run(main())


def test_exception_in_pull_breaks_the_stream() -> None:
    async def pull(controller: object) -> None:
        raise ValueError("mine")

    async def main() -> None:
        await _drain(ReadableStream.new(JsObject({"pull": pull})))

    with pytest.raises(ValueError, match="mine"):
        _run(main())


def test_reads_are_answered_in_order() -> None:
    async def main() -> list[object]:
        reader = ReadableStream.from_source(Source(b"a", b"b")).getReader()
        results: list[Any] = list(await asyncio.gather(reader.read(), reader.read(), reader.read()))
        return [result.value.to_bytes() if result.value else result.done for result in results]

    assert _run(main()) == [b"a", b"b", True]


def test_one_reader_at_a_time() -> None:
    async def main() -> None:
        stream = ReadableStream.of_bytes(b"ab")
        reader = stream.getReader()
        with pytest.raises(JsException, match="locked"):
            stream.getReader()
        with pytest.raises(JsException, match="locked"):
            await stream.cancel()
        reader.releaseLock()
        assert await _drain(stream) == [b"ab"]
        with pytest.raises(JsException, match="released"):
            await reader.read()

    _run(main())


def test_async_iteration_cancels_when_left() -> None:
    """PW-139."""

    async def main() -> list[object]:
        source = Source(b"a", b"b")
        chunks: Any = ReadableStream.from_source(source).values()
        async with aclosing(chunks):
            async for chunk in chunks:
                assert chunk.to_bytes() == b"a"
                break
        return source.cancelled

    assert _run(main()) == [None]


def test_tee_gives_both_branches_everything() -> None:
    async def main() -> list[list[bytes]]:
        one, two = ReadableStream.from_source(Source(b"a", b"b")).tee()
        return [await _drain(one), await _drain(two)]  # type: ignore[arg-type]  # an array of streams

    assert _run(main()) == [[b"a", b"b"], [b"a", b"b"]]


def test_tee_cancels_the_source_when_both_branches_do() -> None:
    async def main() -> list[list[object]]:
        source = Source(b"a")
        one, two = ReadableStream.from_source(source).tee()
        await one.cancel("1")  # type: ignore[attr-defined]  # an array of streams
        before = list(source.cancelled)
        await two.cancel("2")  # type: ignore[attr-defined]  # an array of streams
        return [before, source.cancelled]

    assert _run(main()) == [[], ["2"]]
