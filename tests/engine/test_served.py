"""Models that read or hear, on vLLM's own servers: the same as from a host on this machine."""

from __future__ import annotations

import io
import math
import struct
import wave
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest
from paddock.bindings.ai.engines.remote.engine import RemoteEngine
from paddock.bindings.ai.engines.remote.settings import RemoteSettings
from paddock.bindings.ai.engines.work import Heard, Listening, Pooled, Pooling, Work
from paddock.bindings.ai.tasks.contract import NO_SAMPLING
from paddock.bindings.errors import EngineUnavailable, InputError, OptionUnsupported, TextTooLong

TEXTS = ("Tell me about lighthouses.", "What is the weather in Lisbon?", "Ants.")
#: Largest difference of a number: batches of another size are added up in another order.
TOLERANCE = 2e-6
WORK = {
    "own pooling": ("embeddinggemma", Pooling("embed", TEXTS)),
    "mean": ("bge", Pooling("embed", TEXTS, pooling="mean")),
    "cls": ("bge", Pooling("embed", TEXTS, pooling="cls")),
    "pairs": ("bge-reranker", Pooling("classify", TEXTS, query="Where is the lighthouse?")),
}


async def _done(engine: Any, work: Work) -> EngineChunk:
    async with aclosing(engine.generate(EngineRequest(NO_SAMPLING, work=work, is_whole=True))) as stream:
        (chunk,) = [chunk async for chunk in stream]
    return chunk


async def _served(url: str, work: Work, **settings: Any) -> EngineChunk:
    engine = RemoteEngine(RemoteSettings(model="@cf/acme/reader", urls=(url,), **settings))
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


LABELS = ("NEGATIVE", "POSITIVE")


def test_a_server_judges_as_a_host_does(run, engine_of, reading_servers, judge: Path) -> None:
    """WA-087"""
    work = Pooling("classify", TEXTS)
    here = run(_done(engine_of(judge, runner="pooling", max_model_len=None), work))
    there = run(_served(reading_servers["judge"].ready(), work, labels=LABELS))
    assert there.result.labels == here.result.labels == LABELS
    assert max(abs(a - b) for a, b in zip(numbers(here), numbers(there), strict=True)) <= TOLERANCE
    assert here.prompt_tokens == there.prompt_tokens
    assert all(abs(sum(row) - 1) < 1e-5 for row in zip(*[iter(numbers(there))] * 2, strict=True))


def test_a_server_whose_labels_are_others_or_unknown_gives_no_answer(run, reading_servers) -> None:
    url, work = reading_servers["judge"].ready(), Pooling("classify", TEXTS)
    with pytest.raises(EngineUnavailable, match="expected SAD, GLAD"):
        run(_served(url, work, labels=("SAD", "GLAD")))
    with pytest.raises(OptionUnsupported, match="nothing tells the others"):
        run(_served(url, work))
    with pytest.raises(TextTooLong, match=r"Sequence too long: \d+ > 514"):
        run(_served(url, Pooling("classify", ("ants " * 600,)), labels=LABELS))


def tone(seconds: float) -> bytes:
    """A WAV file with one channel."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16_000)
        samples = (int(8000 * math.sin(at * math.tau * 440 / 16_000)) for at in range(int(seconds * 16_000)))
        recording.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


@pytest.mark.parametrize(
    "work",
    [
        Listening(tone(2.0), language="fr"),
        Listening(tone(2.0), is_translated=True, language="fr"),
        Listening(tone(2.0)),
        Listening(tone(40.0), language="en"),
    ],
    ids=["written down", "translated", "a language to be found", "two windows"],
)
def test_a_server_hears_what_a_host_hears(run, engine_of, reading_servers, stand_ins: Path, work: Listening) -> None:
    """WA-088, WA-089"""
    here = run(_done(engine_of(stand_ins / "whisper", max_model_len=None), work)).result
    there = run(_served(reading_servers["whisper"].ready(), work)).result
    assert isinstance(there, Heard)
    assert (there.language, there.duration_s) == (here.language, here.duration_s)
    assert [segment.text for segment in there.segments] == [segment.text for segment in here.segments]
    for ours, theirs in zip(here.segments, there.segments, strict=True):
        assert abs(ours.avg_logprob - theirs.avg_logprob) < 0.01
        assert abs(ours.compression_ratio - theirs.compression_ratio) < 1e-9
        assert 0 <= theirs.start < theirs.end <= there.duration_s


def test_a_server_refuses_what_is_no_recording_and_no_language(run, reading_servers) -> None:
    url = reading_servers["whisper"].ready()
    with pytest.raises(InputError, match="Invalid or corrupted audio data"):
        run(_served(url, Listening(b"not a sound" * 9)))
    with pytest.raises(InputError, match="Unsupported language: 'xx'"):
        run(_served(url, Listening(tone(1.0), language="xx")))


@pytest.mark.parametrize(
    ("name", "work", "path"),
    [
        ("judge", Listening(b"x"), "/v1/audio/transcriptions"),
        ("whisper", Pooling("classify", TEXTS), "/classify"),
        ("whisper", Pooling("embed", TEXTS), "/v1/embeddings"),
        ("embeddinggemma", Pooling("classify", TEXTS), "/classify"),
    ],
)
def test_a_server_whose_model_does_something_else_is_named_with_the_route_that_it_lacks(
    run, reading_servers, name: str, work: Work, path: str
) -> None:
    with pytest.raises(EngineUnavailable, match=f"has no {path}: the model that it serves, reader, does not"):
        run(_served(reading_servers[name].ready(), work, labels=LABELS))
