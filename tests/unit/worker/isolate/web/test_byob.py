"""Readers that bring their own buffer. The outcomes are those of workerd 1.20261117.1."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.buffers import TYPED_ARRAYS, uint8_array
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.identity import IdentityTransformStream
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import enter_request
from paddock.worker.isolate.web.streams import ReadableStream

if TYPE_CHECKING:
    from collections.abc import Coroutine


def _run(coroutine: Coroutine[object, object, Any]) -> Any:
    async def main() -> Any:
        async with enter_request():
            return await coroutine

    return asyncio.run(main())


def _reader(text: str = "abcdef") -> Any:
    body: Any = Response.new(text).body
    return body.getReader(mode="byob")


def _array(size: int) -> Any:
    return TYPED_ARRAYS["Uint8Array"].new(size)


def test_bytes_come_in_pieces_of_the_buffers_size() -> None:
    async def main() -> list[object]:
        reader = _reader()
        found = [await reader.read(_array(4)) for _ in range(3)]
        return [(item.value.to_bytes(), item.done) for item in found]

    assert _run(main()) == [(b"abcd", False), (b"ef", False), (b"", True)]


def test_a_number_of_bytes_can_be_asked_for() -> None:
    def start(controller: Any) -> None:
        for piece in (b"a", b"bc", b"d"):
            controller.enqueue(uint8_array(piece))
        controller.close()

    async def main() -> list[bytes]:
        reader = ReadableStream.new(JsObject({"type": "bytes", "start": start})).getReader(mode="byob")
        found = [await reader.readAtLeast(3, _array(8)), await reader.readAtLeast(3, _array(8))]
        return [item.value.to_bytes() for item in found]

    assert _run(main()) == [b"abc", b"d"]


def test_given_buffer_is_empty_afterwards() -> None:
    async def main() -> tuple[int, str]:
        given = TYPED_ARRAYS["Uint16Array"].new(2)
        found = await _reader().read(given)
        return given.buffer.byteLength, found.value.constructor.name

    assert _run(main()) == (0, "Uint8Array")


def test_what_is_left_over_is_the_next_readers() -> None:
    async def main() -> bytes:
        body: Any = Response.new("abcd").body
        reader = body.getReader(mode="byob")
        await reader.read(_array(1))
        reader.releaseLock()
        return bytes((await body.getReader().read()).value.to_bytes())

    assert _run(main()) == b"bcd"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((_array(0),), "positive-sized TypedArray"),
        ((), "parameter 1 is not of type 'ArrayBufferView'"),
        ((9, _array(8)), r"Minimum bytes to read \(9\) exceeds size of buffer \(8\)"),
    ],
)
def test_wrong_buffers_are_refused(arguments: tuple[object, ...], text: str) -> None:
    async def main() -> None:
        reader = _reader()
        await (reader.readAtLeast if len(arguments) == 2 else reader.read)(*arguments)

    with pytest.raises(JsException, match=f"TypeError: .*{text}"):
        _run(main())


def test_only_streams_of_bytes_take_one() -> None:
    async def main() -> str:
        with pytest.raises(JsException, match="does not support BYOB reads"):
            ReadableStream.new().getReader(mode="byob")
        return str(IdentityTransformStream.new().readable.getReader(mode="byob"))

    assert _run(main()) == "[object ReadableStreamBYOBReader]"
