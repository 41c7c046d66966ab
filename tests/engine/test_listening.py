"""Whisper in transformers: the same text and times as transformers itself gives, whatever form the recording has."""

from __future__ import annotations

import importlib.util
import io
import math
import struct
import wave
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.work import Heard, Listening, Pooling
from paddock.bindings.ai.tasks.contract import NO_SAMPLING
from paddock.bindings.errors import InputError, OptionUnsupported

pytestmark = pytest.mark.skipif(importlib.util.find_spec("av") is None, reason='pip install "paddock[audio]"')

#: Container, codec and rate of each form that Workers AI's users send.
FORMS = {
    "mp3": ("mp3", "libmp3lame", 44_100),
    "ogg": ("ogg", "libopus", 48_000),
    "flac": ("flac", "flac", 22_050),
    "webm": ("webm", "libopus", 48_000),
    "wav": ("wav", "pcm_s16le", 8_000),
}


def tone(seconds: float, rate: int = 16_000) -> bytes:
    """A WAV file with one channel."""
    samples = (int(8000 * math.sin(at * 2 * math.pi * 440 / rate)) for at in range(int(seconds * rate)))
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(rate)
        recording.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def encoded(form: str, seconds: float) -> bytes:
    """A stereo recording in this form."""
    import av
    import numpy

    container, codec, rate = FORMS[form]
    file = io.BytesIO()
    output: Any = av.open(file, "w", format=container)
    stream = output.add_stream(codec, rate=rate, layout="stereo")
    wanted = stream.codec_context.format.name
    resampler = av.AudioResampler(format=wanted, layout="stereo", rate=rate)
    data = (0.3 * numpy.sin(numpy.arange(int(rate * seconds)) * 2 * math.pi * 440 / rate)).astype(numpy.float32)
    frame: Any = av.AudioFrame.from_ndarray(numpy.stack([data, data]), format="fltp", layout="stereo")
    frame.sample_rate = rate
    fifo = av.AudioFifo()
    for piece in resampler.resample(frame):
        piece.pts = None
        fifo.write(piece)
    while (piece := fifo.read(stream.codec_context.frame_size or 1024, partial=True)) is not None:
        output.mux(stream.encode(piece))
    output.mux(stream.encode(None))
    output.close()
    return file.getvalue()


SENTENCE = " This is a stand-in for Whisper. It hears nothing."


async def _heard(engine: Any, work: Any) -> Heard:
    async with aclosing(engine.generate(EngineRequest(NO_SAMPLING, work=work, is_whole=True))) as stream:
        (chunk,) = [chunk async for chunk in stream]
    assert isinstance(chunk.result, Heard)
    return chunk.result


@pytest.fixture(scope="module")
def whisper(engine_of, stand_ins: Path) -> Any:
    return engine_of(stand_ins / "whisper", max_model_len=None)


def test_segments_words_and_probabilities_are_those_of_transformers(run, whisper, stand_ins: Path) -> None:
    """WA-089"""
    import numpy
    import torch
    from transformers import AutoTokenizer, WhisperFeatureExtractor, WhisperForConditionalGeneration

    recording = tone(40.0)
    heard = run(_heard(whisper, Listening(recording, language="fr", is_translated=True)))
    folder = stand_ins / "whisper"
    model: Any = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    with wave.open(io.BytesIO(recording)) as file:
        sound = numpy.frombuffer(file.readframes(file.getnframes()), numpy.int16) / 32768
    features = WhisperFeatureExtractor.from_pretrained(folder)(
        [sound],
        sampling_rate=16000,
        return_tensors="pt",
        return_attention_mask=True,
        truncation=False,
        padding="longest",
    )
    wanted = model.generate(
        **features,
        return_timestamps=True,
        return_token_timestamps=True,
        return_segments=True,
        language="fr",
        task="translate",
    )["segments"][0]
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    assert [(segment.start, segment.text) for segment in heard.segments] == [
        (float(segment["start"]), tokenizer.decode(segment["tokens"], skip_special_tokens=True)) for segment in wanted
    ]
    assert [segment.text for segment in heard.segments] == [SENTENCE, SENTENCE]
    assert (heard.language, heard.language_probability, heard.duration_s) == ("fr", 1.0, 40.0)
    for segment in heard.segments:
        assert [word.word for word in segment.words] == SENTENCE.split()
        assert all(segment.start <= word.start <= word.end <= segment.end for word in segment.words)
        assert -1.0 < segment.avg_logprob <= 0.0
        assert segment.compression_ratio > 0.5


def test_a_language_that_nobody_named_is_found(run, whisper) -> None:
    heard = run(_heard(whisper, Listening(tone(1.0))))
    assert heard.language == "en"
    assert 0.5 < heard.language_probability <= 1.0


@pytest.mark.parametrize("form", ["wav", "mp3", "ogg", "flac", "webm"])
def test_a_recording_in_any_form_is_as_long_as_it_is(run, whisper, form: str) -> None:
    """WA-088"""
    heard = run(_heard(whisper, Listening(encoded(form, 2.0), language="en")))
    assert abs(heard.duration_s - 2.0) < 0.1
    assert heard.segments[0].text == SENTENCE
    assert heard.segments[0].end <= heard.duration_s


@pytest.mark.parametrize(
    ("work", "text"),
    [
        (Listening(b""), "audio: expected a recording; got no bytes"),
        (Listening(b"not a sound" * 9), "audio: expected a file such as WAV"),
        (Listening(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), "audio: expected a file such as WAV"),
        (Listening(tone(1.0)[:30]), "audio: expected a file such as WAV"),
        (Listening(tone(0.5), language="xx"), "language: expected one of af, am, ar"),
    ],
    ids=["nothing", "no file", "a playlist that names a file", "the head alone", "no language"],
)
def test_what_cannot_be_heard_is_refused_and_the_engine_goes_on(run, whisper, work: Listening, text: str) -> None:
    with pytest.raises(InputError, match=text):
        run(_heard(whisper, work))
    assert run(_heard(whisper, Listening(tone(0.5)))).segments


def test_it_does_nothing_else(run, whisper) -> None:
    with pytest.raises(OptionUnsupported, match="writes recordings down"):
        run(_heard(whisper, Pooling("embed", ("x",))))
