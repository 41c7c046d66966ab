"""Streams that compress, decode, and pass bytes through."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.compression import CompressionStream, DecompressionStream
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.identity import FixedLengthStream, IdentityTransformStream
from paddock.worker.isolate.web.scope import enter_request
from paddock.worker.isolate.web.strategies import ByteLengthQueuingStrategy
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.textstreams import TextDecoderStream, TextEncoderStream

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXT = b"lighthouse " * 1000


def _through(stream: Any, chunks: Iterable[object]) -> list[Any]:
    """The chunks that come out of a transform stream."""

    async def main() -> list[Any]:
        async with enter_request():
            source = ReadableStream.from_(JsArray(chunks))
            return [chunk async for chunk in source.pipeThrough(stream())]

    return asyncio.run(main())


def _bytes(stream: Any, *chunks: bytes) -> bytes:
    return b"".join(chunk.to_bytes() for chunk in _through(stream, map(uint8_array, chunks)))


@pytest.mark.parametrize(("form", "window"), [("gzip", 31), ("deflate", 15), ("deflate-raw", -15)])
def test_compressed_bytes_are_zlibs(form: str, window: int) -> None:
    compressed = _bytes(lambda: CompressionStream.new(form), _TEXT[:5000], _TEXT[5000:])
    assert len(compressed) < 200
    assert zlib.decompress(compressed, window) == _TEXT


@pytest.mark.parametrize(("form", "window"), [("gzip", 31), ("deflate", 15), ("deflate-raw", -15)])
def test_decompression(form: str, window: int) -> None:
    running = zlib.compressobj(wbits=window)
    data = running.compress(_TEXT) + running.flush()
    assert _bytes(lambda: DecompressionStream.new(form), data[:7], data[7:]) == _TEXT


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"no gzip at all", "Decompression failed."),
        (gzip.compress(b"a", mtime=0) + b"more", "Trailing bytes after end of compressed data"),
        (gzip.compress(b"abc", mtime=0)[:-3], r"Called close\(\) on a decompression stream with incomplete data"),
    ],
)
def test_broken_data_breaks_the_stream(data: bytes, text: str) -> None:
    with pytest.raises(JsException, match=f"TypeError: {text}"):
        _bytes(lambda: DecompressionStream.new("gzip"), data)


def test_a_bomb_is_unpacked_as_it_is_read() -> None:
    """100 MB of zeros: what waits for the reader is one piece, not all of it."""
    bomb = gzip.compress(bytes(100_000_000))

    async def main() -> tuple[int, float]:
        async with enter_request():
            stream = DecompressionStream.new("gzip")
            stream.writable.getWriter().write(uint8_array(bomb))._handled()
            reader = stream.readable.getReader()
            first: Any = await reader.read()
            queued = stream.readable._controller._queued
            await reader.cancel("enough")
            return first.value.byteLength, queued

    size, queued = asyncio.run(main())
    assert (size, queued <= 2) == (65536, True)


def test_unknown_format_is_refused() -> None:
    with pytest.raises(JsException, match="must be either 'deflate', 'deflate-raw' or 'gzip'"):
        CompressionStream.new("br")


def test_text_streams_keep_split_characters() -> None:
    encoded = b"".join(c.to_bytes() for c in _through(TextEncoderStream.new, ["a\ud83d", "\ude00b"]))
    assert encoded.decode() == "a\U0001f600b"
    euro = "€".encode()
    assert _through(TextDecoderStream.new, map(uint8_array, (euro[:1], euro[1:]))) == ["€"]


def test_text_decoder_stream_has_the_decoders_options() -> None:
    stream = TextDecoderStream.new("utf-8", fatal=True)
    assert (stream.encoding, stream.fatal, stream.ignoreBOM) == ("utf-8", True, False)
    with pytest.raises(JsException, match="TypeError"):
        _through(lambda: TextDecoderStream.new("utf-8", fatal=True), [uint8_array(b"\xff")])


def test_identity_stream_takes_bytes_and_text() -> None:
    passed = _through(IdentityTransformStream.new, [uint8_array(b"ab"), "é"])
    assert b"".join(chunk.to_bytes() for chunk in passed).decode() == "abé"
    with pytest.raises(JsException, match="non-ArrayBuffer/ArrayBufferView type on its writable side"):
        _through(IdentityTransformStream.new, [JsArray()])


def test_fixed_length_stream_is_held_to_its_length() -> None:
    assert _bytes(lambda: FixedLengthStream.new(3), b"ab", b"c") == b"abc"
    with pytest.raises(JsException, match="too many bytes"):
        _bytes(lambda: FixedLengthStream.new(2), b"abc")
    with pytest.raises(JsException, match="did not see all expected bytes"):
        _bytes(lambda: FixedLengthStream.new(4), b"abc")


def test_byte_length_strategy_counts_bytes() -> None:
    strategy = ByteLengthQueuingStrategy.new(highWaterMark=10)
    assert (strategy.highWaterMark, strategy.size(uint8_array(b"abc"))) == (10, 3)
