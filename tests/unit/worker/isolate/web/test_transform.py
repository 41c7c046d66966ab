"""Writable streams, transforms and pipes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.abort import AbortController
from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes
from paddock.worker.isolate.web.transform import TransformStream
from paddock.worker.isolate.web.writable import WritableStream

if TYPE_CHECKING:
    from collections.abc import Coroutine


def _run(coroutine: Coroutine[object, object, Any]) -> Any:  # results of every type
    return asyncio.run(coroutine)


def test_write_waits_for_the_reader() -> None:
    """PW-091."""

    async def main() -> list[object]:
        stream, seen = TransformStream.new(), list[object]()
        writer, pieces = stream.writable.getWriter(), iterate_bytes(stream.readable)
        written = writer.write(uint8_array(b"a"))
        await asyncio.sleep(0)
        seen.append(written._is_settled)
        seen.append(await anext(pieces))
        await written
        closed = writer.close()
        seen.append(await anext(pieces, None))
        await closed
        return seen

    assert _run(main()) == [False, b"a", None]


def test_abort_of_the_writer_breaks_the_reader() -> None:
    """PW-093."""

    async def main() -> None:
        stream = TransformStream.new()
        reading = stream.readable.getReader().read()
        await stream.writable.getWriter().abort(JsException("Error", "broken off"))
        await reading

    with pytest.raises(JsException, match="broken off"):
        _run(main())


def test_cancel_of_the_reader_stops_the_writer() -> None:
    """PW-140."""

    async def main() -> None:
        stream = TransformStream.new()
        writer = stream.writable.getWriter()
        written = writer.write(uint8_array(b"a"))
        await stream.readable.cancel("gone")
        for promise in (written, writer.write(uint8_array(b"b")), writer.closed):
            with pytest.raises(JsException, match="gone"):
                await promise

    _run(main())


def test_transformer_changes_chunks_and_flushes() -> None:
    async def transform(chunk: Any, controller: Any) -> None:
        controller.enqueue(uint8_array(chunk.to_bytes().upper()))

    def flush(controller: Any) -> None:
        controller.enqueue(uint8_array(b"!"))

    async def main() -> list[bytes]:
        source = ReadableStream.from_([uint8_array(b"a"), uint8_array(b"b")])
        return [
            p
            async for p in iterate_bytes(
                source.pipeThrough(TransformStream.new(JsObject({"transform": transform, "flush": flush})))
            )
        ]

    assert _run(main()) == [b"A", b"B", b"!"]


def test_exception_in_a_transformer_breaks_both_sides() -> None:
    def transform(chunk: object, controller: object) -> None:
        raise ValueError("mine")

    async def main() -> None:
        stream = TransformStream.new(JsObject({"transform": transform}))
        written = stream.writable.getWriter().write(1)
        with pytest.raises(ValueError, match="mine"):
            await stream.readable.getReader().read()
        with pytest.raises(ValueError, match="mine"):
            await written

    _run(main())


def test_sink_takes_one_chunk_at_a_time() -> None:
    async def main() -> tuple[list[object], int]:
        taken: list[object] = []
        busy = most = 0

        async def write(chunk: object, controller: object) -> None:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0)
            taken.append(chunk)
            busy -= 1

        writer = WritableStream.new(JsObject({"write": write, "close": lambda: taken.append("closed")})).getWriter()
        writer.write(1)
        writer.write(2)
        await writer.close()
        await writer.closed
        return taken, most

    assert _run(main()) == ([1, 2, "closed"], 1)


def test_ready_and_desired_size_show_the_pressure() -> None:
    async def main() -> None:
        gate = asyncio.Event()
        writer = WritableStream.new({"write": lambda chunk, controller: gate.wait()}, {"highWaterMark": 1}).getWriter()
        assert (writer.desiredSize, writer.ready._is_settled) == (1, True)
        writer.write(1)
        assert (writer.desiredSize, writer.ready._is_settled) == (0, False)
        gate.set()
        await writer.ready
        assert writer.desiredSize == 1

    _run(main())


def test_failing_sink_rejects_what_waits() -> None:
    async def main() -> None:
        def write(chunk: object, controller: object) -> None:
            raise ValueError("full")

        writer = WritableStream.new(JsObject({"write": write})).getWriter()
        for promise in (writer.write(1), writer.write(2), writer.closed):
            with pytest.raises(ValueError, match="full"):
                await promise

    _run(main())


def test_abort_fires_the_controllers_signal() -> None:
    async def main() -> bool:
        signals: list[Any] = []
        writer = WritableStream.new(
            JsObject({"start": lambda controller: signals.append(controller.signal)})
        ).getWriter()
        await writer.abort("x")
        return bool(signals[0].aborted)

    assert _run(main()) is True


def test_pipe_closes_the_destination_and_releases_both() -> None:
    async def main() -> list[object]:
        taken: list[object] = []
        source = ReadableStream.from_([1, 2])
        sink = WritableStream.new(
            JsObject({"write": lambda chunk, controller: taken.append(chunk), "close": lambda: taken.append("end")})
        )
        await source.pipeTo(sink)
        assert not source.locked and not sink.locked
        return taken

    assert _run(main()) == [1, 2, "end"]


def test_failing_destination_cancels_the_source() -> None:
    async def main() -> list[object]:
        reasons: list[object] = []
        error = ValueError("full")

        def write(chunk: object, controller: object) -> None:
            raise error

        source = ReadableStream.new(
            JsObject({"pull": lambda controller: controller.enqueue(1), "cancel": reasons.append})
        )
        with pytest.raises(ValueError, match="full"):
            await source.pipeTo(WritableStream.new(JsObject({"write": write})))
        assert reasons == [error]
        return reasons

    _run(main())


def test_failing_source_aborts_the_destination() -> None:
    async def main() -> None:
        reasons: list[object] = []
        error = JsException("Error", "broken")
        source = ReadableStream.new(JsObject({"start": lambda controller: controller.error(error)}))
        with pytest.raises(JsException, match="broken"):
            await source.pipeTo(WritableStream.new(JsObject({"abort": reasons.append})))
        assert reasons == [error]

    _run(main())


def test_reader_that_leaves_a_pipe_cancels_its_source_at_once() -> None:
    """PW-140: also while the pipe waits for a chunk that never comes."""

    async def main() -> None:
        cancelled = asyncio.Event()
        source = ReadableStream.new(JsObject({"cancel": lambda reason: cancelled.set()}))
        out = source.pipeThrough(TransformStream.new())
        await asyncio.sleep(0)
        await out.cancel("gone")
        await cancelled.wait()

    _run(main())


def test_signal_aborts_a_pipe() -> None:
    async def main() -> None:
        controller = AbortController.new()
        piping = ReadableStream.new().pipeTo(WritableStream.new(), signal=controller.signal)
        await asyncio.sleep(0)
        controller.abort()
        await piping

    with pytest.raises(JsException, match="AbortError"):
        _run(main())
