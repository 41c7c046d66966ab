"""The forms of recordings and transcripts, over an engine that hears a word for each kilobyte."""

import asyncio
import base64

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.engines.work import Listening
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import InputError, OptionUnsupported

WHISPER = "@cf/openai/whisper"
TURBO = "@cf/openai/whisper-large-v3-turbo"
SOUND = bytes(range(256)) * 25  # seven words


def run(make_service, model: str, inputs: dict, engine: ScriptedEngine | None = None) -> dict:
    output = asyncio.run(make_service(engine or ScriptedEngine()).run(model, inputs, [])).output
    assert isinstance(output, dict)
    return output


def heard(make_service, model: str, inputs: dict) -> Listening:
    engine = ScriptedEngine()
    run(make_service, model, inputs, engine)
    work = engine.requests[0].work
    assert isinstance(work, Listening)
    return work


@pytest.mark.parametrize(
    ("model", "audio"),
    [
        (WHISPER, SOUND),
        (WHISPER, list(SOUND)),
        (WHISPER, [float(byte) for byte in SOUND]),
        (TURBO, base64.b64encode(SOUND).decode()),
        (TURBO, "data:audio/wav;base64," + base64.b64encode(SOUND).decode()),
    ],
    ids=["bytes", "integers", "whole numbers", "base64", "data URL"],
)
def test_every_form_of_a_recording_is_the_same_bytes(make_service, model: str, audio: object) -> None:
    """WA-088"""
    assert heard(make_service, model, {"audio": audio}).audio == SOUND


def test_a_transcript_has_text_count_words_and_subtitles_of_five_words(make_service) -> None:
    """WA-089"""
    answer = run(make_service, WHISPER, {"audio": SOUND})
    assert list(answer) == ["text", "word_count", "vtt", "words"]
    assert answer["text"] == "word0 word1 word2 word3 word4 word5 word6"
    assert answer["word_count"] == 7
    assert answer["words"][1] == {"word": "word1", "start": 1.0, "end": 2.0}
    assert answer["vtt"] == (
        "WEBVTT\n\n00.000 --> 05.000\nword0 word1 word2 word3 word4\n\n05.000 --> 07.000\nword5 word6"
    )


def test_the_later_model_tells_segments_and_what_it_knows_of_the_recording(make_service) -> None:
    """WA-089"""
    answer = run(make_service, TURBO, {"audio": base64.b64encode(SOUND).decode(), "language": "de"})
    assert list(answer) == ["transcription_info", "text", "word_count", "segments", "vtt"]
    assert answer["transcription_info"] == {
        "language": "de",
        "language_probability": 1.0,
        "duration": 7.0,
        "duration_after_vad": 7.0,
    }
    (segment,) = answer["segments"]
    assert (segment["start"], segment["end"], segment["temperature"], len(segment["words"])) == (0.0, 7.0, 0.0, 7)
    assert answer["vtt"] == "WEBVTT\n\n00.000 --> 07.000\nword0 word1 word2 word3 word4 word5 word6"


def test_subtitles_have_minutes_and_hours_when_there_are_some(make_service) -> None:
    vtt = run(make_service, WHISPER, {"audio": bytes(1024 * 3605)})["vtt"]
    assert "\n\n55.000 --> 01:00.000\n" in vtt
    assert vtt.rpartition("\n\n")[2].startswith("01:00:00.000 --> 01:00:05.000\n")


def test_task_language_and_prompt_reach_the_model_that_declares_them(make_service) -> None:
    asked = {"task": "translate", "language": "fr", "initial_prompt": "Names: Ada."}
    work = heard(make_service, TURBO, {"audio": "aGk=", **asked})
    assert (work.is_translated, work.language, work.prompt) == (True, "fr", "Names: Ada.")
    work = heard(make_service, WHISPER, {"audio": [1], **asked})
    assert (work.is_translated, work.language, work.prompt) == (False, None, None)


def test_the_cost_goes_by_minutes(make_service) -> None:
    calls: list[CallRecord] = []
    audio = base64.b64encode(bytes(1024 * 120)).decode()
    asyncio.run(make_service(ScriptedEngine()).run(TURBO, {"audio": audio}, calls))
    assert calls[0].audio_s == 120.0
    assert calls[0].cost is not None
    assert abs(calls[0].cost.usd - 2 * 0.00051) < 1e-12


@pytest.mark.parametrize(
    ("model", "inputs", "error", "text"),
    [
        (WHISPER, {"audio": [1, 256]}, InputError, r"audio\[1\]: expected an integer from 0 to 255; got '256'"),
        (WHISPER, {"audio": [1, "a"]}, InputError, r"audio\[1\]: expected an integer from 0 to 255; got 'a'"),
        (WHISPER, {"audio": [0.5]}, InputError, r"audio\[0\]: expected an integer from 0 to 255; got '0.5'"),
        (TURBO, {"audio": "data:audio/wav,abc"}, InputError, "audio: expected `;base64,` in a data URI; got 'data:aud"),
        (TURBO, {"audio": "https://a.example/b.wav"}, InputError, r"audio: expected base64; .*nothing is fetched"),
        (TURBO, {"audio": "no base64!"}, InputError, "audio: expected base64; got 'no base64!'"),
        (TURBO, {"audio": "aGk=", "task": "sing"}, InputError, "Invalid enum value 'sing'"),
        (TURBO, {"audio": "aGk=", "vad_filter": True}, OptionUnsupported, "vad_filter: .*; leave it out"),
        (TURBO, {"audio": "aGk=", "prefix": "So"}, OptionUnsupported, "prefix: .*; leave it out"),
    ],
    ids=["a large number", "text", "a fraction", "no encoding", "a URL", "no base64", "task", "vad_filter", "prefix"],
)
def test_what_cannot_be_heard_is_refused_before_any_work(
    make_service, model: str, inputs: dict, error: type[Exception], text: str
) -> None:
    engine = ScriptedEngine()
    with pytest.raises(error, match=text):
        run(make_service, model, inputs, engine)
    assert engine.requests == []
