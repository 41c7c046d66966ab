"""Work for servers that is no generation: labels and recordings, and every way in which they cannot be had."""

import asyncio
from array import array
from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest
from paddock.bindings.ai.engines.work import Describing, Heard, Listening, Pooled, Pooling, Rewriting, Work
from paddock.bindings.ai.tasks.contract import NO_SAMPLING
from paddock.bindings.errors import (
    EngineOverloaded,
    EngineUnavailable,
    InputError,
    OptionUnsupported,
    PaddockError,
    RequestTooLarge,
    TextTooLong,
)

CLASSIFY, WRITE, TRANSLATE = "/classify", "/v1/audio/transcriptions", "/v1/audio/translations"
LABELS = ("NEGATIVE", "POSITIVE")
TEXT = Pooling("classify", ("Good.",))
SOUND = Listening(b"RIFF\r\n--sound")
SEGMENT = {"id": 0, "start": 1.0, "end": 9.0, "text": " Hello.", "avg_logprob": -0.5, "compression_ratio": 0.8}
SPOKEN = {"duration": 4.0, "language": "en", "text": " Hello.", "segments": [SEGMENT], "words": None}


def judged(*rows: tuple[list[float], str | None], tokens: int = 3) -> dict[str, Any]:
    """What vLLM's server says of texts: the shares of the labels, and the name of the likeliest."""
    data = [{"index": at, "probs": shares, "label": label} for at, (shares, label) in enumerate(rows)]
    return {"data": data, "usage": {"prompt_tokens": tokens}}


def asked(
    place: Any, wire: SimpleNamespace, work: Work, path: str, *answers: Any, **settings: Any
) -> tuple[EngineChunk, Any]:
    """The chunk of an answer, and the request that was sent."""

    async def main() -> tuple[EngineChunk, Any]:
        async with place(**settings) as p:
            p.stub.say(path, *answers)
            (chunk,) = await p.ask(EngineRequest(NO_SAMPLING, work=work, is_whole=True))
            return chunk, next(each for each in p.stub.asked if each.path == path)

    return asyncio.run(main())


def labels_and_scores(chunk: EngineChunk) -> tuple[tuple[str, ...], list[float]]:
    assert isinstance(chunk.result, Pooled)
    return chunk.result.labels, array("f", chunk.result.data).tolist()


def test_labels_have_the_names_of_the_models_file(place: Any, wire: SimpleNamespace) -> None:
    """WA-087"""
    chunk, request = asked(place, wire, TEXT, CLASSIFY, wire.said(judged(([0.25, 0.75], "POSITIVE"))), labels=LABELS)
    assert labels_and_scores(chunk) == (LABELS, [0.25, 0.75])
    assert (chunk.prompt_tokens, chunk.finish_reason) == (3, "stop")
    assert request.body == {"model": "acme/chat", "input": ["Good."], "use_activation": True}


@pytest.mark.parametrize("name", ["LABEL_1", None])
def test_labels_without_names_are_numbered(place: Any, wire: SimpleNamespace, name: str | None) -> None:
    chunk, _ = asked(place, wire, TEXT, CLASSIFY, wire.said(judged(([0.25, 0.75], name))))
    assert labels_and_scores(chunk) == (("LABEL_0", "LABEL_1"), [0.25, 0.75])


@pytest.mark.parametrize(
    ("rows", "labels", "error", "text"),
    [
        ([([0.25, 0.75], "POSITIVE")], (), OptionUnsupported, "names the likeliest label alone, 'POSITIVE'.*labels"),
        ([([0.75, 0.25], "POSITIVE")], LABELS, EngineUnavailable, "names 'POSITIVE'; expected NEGATIVE, POSITIVE"),
        ([([0.5, 0.25, 0.25], "NEGATIVE")], LABELS, EngineUnavailable, "judges by 3 labels"),
        ([([], None)], LABELS, EngineUnavailable, "answers with 0 labels"),
        ([], LABELS, EngineUnavailable, "0 rows for 1 texts"),
        ([([0.5, 0.5], "NEGATIVE")] * 2, LABELS, EngineUnavailable, "2 rows for 1 texts"),
    ],
    ids=["unknown names", "other names", "another number of them", "none", "no row", "a row too many"],
)
def test_labels_that_are_not_the_models_are_no_answer(
    place: Any, wire: SimpleNamespace, rows: Any, labels: tuple[str, ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        asked(place, wire, TEXT, CLASSIFY, wire.said(judged(*rows)), labels=labels)


def test_a_recording_is_sent_as_a_file_and_comes_back_in_segments(place: Any, wire: SimpleNamespace) -> None:
    """WA-088, WA-089"""
    work = Listening(SOUND.audio, language="de", prompt="Ada")
    chunk, request = asked(place, wire, work, WRITE, wire.said(SPOKEN))
    heard = chunk.result
    assert isinstance(heard, Heard)
    assert (heard.language, heard.language_probability, heard.duration_s) == ("en", None, 4.0)
    (segment,) = heard.segments
    assert (segment.start, segment.end, segment.text) == (1.0, 4.0, " Hello."), "nothing lasts longer than it all"
    assert (segment.avg_logprob, segment.no_speech_prob, segment.words) == (-0.5, None, ())
    assert b'name="file"; filename="recording"\r\n' in request.body
    assert b"\r\n\r\nRIFF\r\n--sound\r\n" in request.body
    for name, value in {
        "model": "acme/chat",
        "response_format": "verbose_json",
        "language": "de",
        "prompt": "Ada",
    }.items():
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in request.body


def test_a_translation_has_a_path_of_its_own(place: Any, wire: SimpleNamespace) -> None:
    chunk, request = asked(place, wire, Listening(b"x", is_translated=True), TRANSLATE, wire.said(SPOKEN))
    assert isinstance(chunk.result, Heard)
    assert b'name="language"' not in request.body, "the server finds it out"


def test_a_model_that_knows_english_alone_is_told_so(place: Any, wire: SimpleNamespace) -> None:
    repository = "openai/whisper-tiny.en"
    _, request = asked(place, wire, SOUND, WRITE, wire.said(SPOKEN), repository=repository)
    assert b'name="language"\r\n\r\nen\r\n' in request.body
    for work in (Listening(b"x", is_translated=True), Listening(b"x", language="de")):
        with pytest.raises(InputError, match="writes down English, and nothing else"):
            asked(place, wire, work, WRITE, wire.said(SPOKEN), repository=repository)


def failure(message: str, parameter: str | None = None, code: int = 400) -> dict[str, Any]:
    return {"error": {"message": message, "type": "BadRequestError", "param": parameter, "code": code}}


NO_MODEL = failure("The model `acme/chat` does not exist.", "model", 404)
TOO_LONG = failure("This model's maximum context length is 512 tokens. However, you requested 902 tokens in total.")


@pytest.mark.parametrize(
    ("status", "answer", "error", "text"),
    [
        (
            404,
            {"detail": "Not Found"},
            EngineUnavailable,
            "has no {path}: the model that it serves, acme/chat, does not",
        ),
        (405, {"detail": "Method Not Allowed"}, EngineUnavailable, "has no {path}"),
        (501, failure("The model does not support it"), EngineUnavailable, "has no {path}"),
        (404, NO_MODEL, EngineUnavailable, "does not exist. It serves acme/chat. Set remote_model"),
        (413, b"<html>413 Request Entity Too Large</html>", RequestTooLarge, "413 Request Entity Too Large"),
        (400, failure("no such thing"), InputError, "Error: no such thing"),
        (401, failure("who?"), EngineUnavailable, "refuses the key"),
        (429, failure("later"), EngineOverloaded, "Capacity"),
        (503, failure("later"), EngineOverloaded, "Capacity"),
        (502, b"", EngineUnavailable, "answers 502"),
        (500, failure("oh"), EngineUnavailable, r"failed \(500\): oh"),
        (307, b"", EngineUnavailable, "redirect"),
        (200, {"data": 3, "segments": 3}, EngineUnavailable, "{path} answers in another form"),
        (200, {"text": "Hello."}, EngineUnavailable, "{path} answers in another form"),
        (200, b"\xff<html>", EngineUnavailable, "{path} answers in another form"),
        (200, b"", EngineUnavailable, "{path} answers in another form"),
        (200, [], EngineUnavailable, "{path} answers in another form"),
    ],
)
@pytest.mark.parametrize(("work", "path"), [(TEXT, CLASSIFY), (SOUND, WRITE)], ids=["labels", "recording"])
def test_what_a_server_refuses_or_answers_otherwise_is_an_error_with_its_reason(
    place: Any,
    wire: SimpleNamespace,
    work: Work,
    path: str,
    status: int,
    answer: Any,
    error: type[PaddockError],
    text: str,
) -> None:
    with pytest.raises(error, match=text.format(path=path)) as caught:
        asked(place, wire, work, path, wire.said(answer, status))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("work", "path", "answer", "error", "text"),
    [
        (TEXT, CLASSIFY, TOO_LONG, TextTooLong, "Sequence too long: 902 > 100"),
        (SOUND, WRITE, failure("Maximum file size exceeded", "audio_filesize_mb"), RequestTooLarge, "_FILESIZE_MB"),
        (SOUND, WRITE, failure("Currently do not support verbose_json for x"), OptionUnsupported, "tells no times"),
    ],
    ids=["a long text", "a long recording", "a model without times"],
)
def test_limits_of_the_model_are_told_as_such(
    place: Any, wire: SimpleNamespace, work: Work, path: str, answer: Any, error: type[PaddockError], text: str
) -> None:
    with pytest.raises(error, match=text):
        asked(place, wire, work, path, wire.said(answer, 400))


@pytest.mark.parametrize(("work", "path"), [(TEXT, CLASSIFY), (SOUND, WRITE)], ids=["labels", "recording"])
def test_an_answer_that_is_cut_off_is_asked_of_the_other_servers_and_is_then_an_error(
    place: Any, wire: SimpleNamespace, work: Work, path: str
) -> None:
    async def main() -> None:
        async with place(2) as p:
            for stub in p.stubs:
                stub.say(path, wire.said(events=(b'{"data": [{"ind', None)))
            with pytest.raises(EngineUnavailable, match=r"No server answers(.*closed connection){2}"):
                await p.ask(EngineRequest(NO_SAMPLING, work=work, is_whole=True))
            assert [len(stub.bodies(path)) for stub in p.stubs] == [1, 1]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("work", "text"),
    [
        (Rewriting("x"), "do not summarize; run the model on this machine"),
        (Rewriting("x", source="en", target="fr"), "do not translate"),
        (Describing(b"x", "What is this?"), "do not describe pictures"),
    ],
)
def test_work_that_no_server_does_is_refused_before_any_is_asked(place: Any, work: Work, text: str) -> None:
    async def main() -> None:
        async with place() as p:
            with pytest.raises(OptionUnsupported, match=text):
                await p.ask(EngineRequest(NO_SAMPLING, work=work, is_whole=True))
            assert p.stub.asked == []

    asyncio.run(main())


WHISPER, TURBO = "@cf/openai/whisper", "@cf/openai/whisper-large-v3-turbo"


@pytest.mark.parametrize(("model", "audio"), [(WHISPER, [1]), (TURBO, "aGk=")], ids=["whisper", "turbo"])
def test_a_transcript_leaves_out_what_the_server_does_not_tell(
    make_service: Any, place: Any, wire: SimpleNamespace, model: str, audio: object
) -> None:
    """WA-089"""

    async def main() -> dict[str, Any]:
        async with place() as p:
            p.stub.say(WRITE, wire.said(SPOKEN))
            return (await make_service(p.engine).run(model, {"audio": audio}, [])).output

    answer = asyncio.run(main())
    common = {"text": "Hello.", "word_count": 1, "vtt": "WEBVTT\n\n01.000 --> 04.000\nHello."}
    if model == TURBO:
        assert answer.pop("transcription_info") == {"language": "en", "duration": 4.0, "duration_after_vad": 4.0}
        (segment,) = answer.pop("segments")
        assert list(segment) == ["start", "end", "text", "temperature", "avg_logprob", "compression_ratio"]
    assert answer == common
