"""Models that read, on vLLM's own servers: the same vectors and scores as from a host on this machine."""

from __future__ import annotations

import struct
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest
from paddock.bindings.ai.engines.remote.engine import RemoteEngine
from paddock.bindings.ai.engines.remote.settings import RemoteSettings
from paddock.bindings.ai.engines.work import Pooled, Pooling
from paddock.bindings.ai.tasks.contract import NO_SAMPLING
from paddock.bindings.errors import OptionUnsupported, TextTooLong

TEXTS = ("Tell me about lighthouses.", "What is the weather in Lisbon?", "Ants.")
#: Largest difference of a number: batches of another size are added up in another order.
TOLERANCE = 2e-6
WORK = {
    "own pooling": ("embeddinggemma", Pooling("embed", TEXTS)),
    "mean": ("bge", Pooling("embed", TEXTS, pooling="mean")),
    "cls": ("bge", Pooling("embed", TEXTS, pooling="cls")),
    "pairs": ("bge-reranker", Pooling("classify", TEXTS, query="Where is the lighthouse?")),
}


async def _done(engine: Any, work: Pooling) -> EngineChunk:
    async with aclosing(engine.generate(EngineRequest(NO_SAMPLING, work=work, is_whole=True))) as stream:
        (chunk,) = [chunk async for chunk in stream]
    return chunk


async def _served(url: str, work: Pooling) -> EngineChunk:
    engine = RemoteEngine(RemoteSettings(model="@cf/acme/reader", urls=(url,)))
    try:
        return await _done(engine, work)
    finally:
        await engine.close()


def numbers(chunk: EngineChunk) -> tuple[float, ...]:
    assert isinstance(chunk.result, Pooled)
    return struct.unpack(f"<{chunk.result.rows * chunk.result.columns}f", chunk.result.data)


@pytest.mark.parametrize("name", WORK)
def test_a_server_gives_what_a_host_gives(run, engine_of, reading_servers, stand_ins: Path, name: str) -> None:
    """WA-084, WA-086"""
    folder, work = WORK[name]
    here = run(_done(engine_of(stand_ins / folder, runner="pooling", max_model_len=None), work))
    there = run(_served(reading_servers[folder].ready(), work))
    assert max(abs(a - b) for a, b in zip(numbers(here), numbers(there), strict=True)) <= TOLERANCE
    assert here.prompt_tokens == there.prompt_tokens


def test_a_text_that_is_too_long_is_refused_with_the_limit_or_truncated(run, reading_servers) -> None:
    """WA-085"""
    url = reading_servers["bge"].ready()
    long = ("ants " * 600,)
    with pytest.raises(TextTooLong, match=r"Sequence too long: \d+ > 512"):
        run(_served(url, Pooling("embed", long, pooling="cls")))
    assert run(_served(url, Pooling("embed", long, pooling="cls", is_truncated=True))).prompt_tokens == 512


def test_a_server_that_pools_in_its_own_way_is_not_asked_for_another(run, reading_servers) -> None:
    with pytest.raises(OptionUnsupported, match="pools in its own way alone"):
        run(_served(reading_servers["embeddinggemma"].ready(), Pooling("embed", TEXTS, pooling="cls")))
