"""Scripted answers of models that make no conversation: in the model's own shape, or refused with the reason."""

from typing import Any

import jsonschema
import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.worker.testing import Paddock, UnexpectedAiCall

CATALOG = Catalog.read([SHIPPED_CATALOG])
EMBEDS = "@cf/baai/bge-base-en-v1.5"
M3 = "@cf/baai/bge-m3"
RANKS = "@cf/baai/bge-reranker-base"
JUDGES = "@cf/huggingface/distilbert-sst-2-int8"
HEARS = "@cf/openai/whisper"
HEARS_MORE = "@cf/openai/whisper-large-v3-turbo"
TRANSLATES = "@cf/meta/m2m100-1.2b"
SUMS_UP = "@cf/facebook/bart-large-cnn"
DESCRIBES = "@cf/llava-hf/llava-1.5-7b-hf"
TEXTS = {"text": ["one", "two"]}
CONTEXTS = {"query": "who?", "contexts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}
SPEECH = {"audio": [1, 2, 3]}
BASE64 = {"audio": "AQID"}


def run(worker: Paddock, model: str, inputs: dict[str, Any]) -> Any:
    return worker.env.AI.run(model, inputs).result()


@pytest.mark.parametrize(
    ("model", "inputs", "reply", "answer"),
    [
        (EMBEDS, TEXTS, [[0.1, 0.2], [0.3, 0.4]], {"data": [[0.1, 0.2], [0.3, 0.4]], "shape": [2, 2]}),
        (EMBEDS, TEXTS, {"data": [[0.1], [0.2]], "shape": [2, 1]}, {"data": [[0.1], [0.2]], "shape": [2, 1]}),
        (EMBEDS, {"text": "one"}, [0.1, 0.2], {"data": [[0.1, 0.2]], "shape": [1, 2]}),
        (M3, {"contexts": [{"text": "a"}]}, {"response": [[0.1]]}, {"response": [[0.1]]}),
        (M3, CONTEXTS, [0.1, 0.9, 0.3], {"response": [{"id": n, "score": s} for n, s in enumerate([0.1, 0.9, 0.3])]}),
        (
            RANKS,
            CONTEXTS,
            [0.1, 0.9, 0.3],
            {"response": [{"id": n, "score": s} for n, s in enumerate([0.1, 0.9, 0.3])]},
        ),
        (RANKS, CONTEXTS | {"top_k": 1}, [{"id": 1, "score": 0.7}], {"response": [{"id": 1, "score": 0.7}]}),
        (JUDGES, {"text": "x"}, [{"label": "POSITIVE", "score": 0.9}], [{"label": "POSITIVE", "score": 0.9}]),
        (HEARS, SPEECH, "Good morning", {"text": "Good morning", "word_count": 2}),
        (HEARS, SPEECH, "", {"text": "", "word_count": 0, "words": [], "vtt": "WEBVTT"}),
        (HEARS, SPEECH, {"text": "Hi", "vtt": "WEBVTT\n\nmine"}, {"word_count": 1, "vtt": "WEBVTT\n\nmine"}),
        (TRANSLATES, {"text": "x", "target_lang": "fr"}, "Bonjour", {"translated_text": "Bonjour"}),
        (SUMS_UP, {"input_text": "x"}, {"summary": "Short."}, {"summary": "Short."}),
        (DESCRIBES, {"image": [1, 2], "prompt": "What?"}, "A cat.", {"description": "A cat."}),
    ],
)
def test_each_task_answers_with_what_the_test_says(
    worker: Paddock, model: str, inputs: dict[str, Any], reply: Any, answer: Any
) -> None:
    """DT-069, DT-074"""
    worker.ai.reply(reply)
    said = run(worker, model, inputs)
    schema = CATALOG.card(model).output_schema or {}
    jsonschema.validate(said, {"anyOf": schema.get("oneOf", [schema])})
    assert ({name: said[name] for name in answer} if isinstance(answer, dict) else said) == answer
    assert worker.ai.calls[0].output == said


def test_words_have_times_and_subtitles_that_agree(worker: Paddock) -> None:
    worker.ai.reply("Good morning", {"words": [{"word": "Hi", "start": 1.0, "end": 1.25}]})
    first, second = run(worker, HEARS, SPEECH), run(worker, HEARS, SPEECH)
    assert [(word["word"], word["start"], word["end"]) for word in first["words"]] == [
        ("Good", 0.0, 0.5),
        ("morning", 0.5, 1.0),
    ]
    assert first["vtt"] == "WEBVTT\n\n00.000 --> 01.000\nGood morning"
    assert (second["text"], second["vtt"]) == ("Hi", "WEBVTT\n\n01.000 --> 01.250\nHi")


def test_segments_of_the_newer_transcripts(worker: Paddock) -> None:
    worker.ai.reply(
        {"segments": [{"start": 0, "end": 2, "text": "Good morning."}, {"start": 2, "end": 3, "text": " Hi."}]}
    )
    said = run(worker, HEARS_MORE, BASE64)
    assert (said["text"], said["word_count"], len(said["segments"])) == ("Good morning. Hi.", 3, 2)
    assert said["transcription_info"]["duration"] == 3
    assert said["vtt"].count("-->") == 2


@pytest.mark.parametrize(
    ("model", "inputs", "reply", "why"),
    [
        (EMBEDS, TEXTS, [[0.1], [0.2], [0.3]], "expected 2 vectors, one for each text; got 3"),
        (EMBEDS, TEXTS, [[0.1], [0.2, 0.3]], "expected a list of vectors of one length"),
        (EMBEDS, TEXTS, {"data": [[0.1], [0.2]], "shape": [2, 3]}, r"shape: expected \[2, 1\], by the rest of it"),
        (EMBEDS, TEXTS, {"response": [[0.1], [0.2]]}, "its output has no response"),
        (EMBEDS, TEXTS, [[1e300], [1.0]], "expected numbers of single precision"),
        (RANKS, CONTEXTS, [0.1, 0.9], "expected 3 scores"),
        (RANKS, CONTEXTS, [{"id": 7, "score": 0.7}], r"expected scores of 3 of the 3 contexts; got those of \[7\]"),
        (JUDGES, {"text": "x"}, [0.5], "expected a list of objects with label and score"),
        (HEARS, SPEECH, {"summary": "x"}, "expected a text, or an object with text, words or segments"),
        (HEARS, SPEECH, {"text": "x", "segments": []}, "its output has no segments"),
        (HEARS, SPEECH, {"text": "x", "word_count": "one"}, "word_count: 'one' is not of type 'number'"),
        (HEARS, SPEECH, {"words": [{"word": "x"}]}, "KeyError: 'start'"),
        (TRANSLATES, {"text": "x", "target_lang": "fr"}, {"summary": "x"}, "or an object with translated_text"),
        ("@cf/microsoft/phi-2", {"prompt": "x"}, [[0.1]], "expected its text, or an object with .*; got a list"),
        ("@cf/microsoft/phi-2", {"prompt": "x"}, {"summary": "x"}, "got summary"),
    ],
)
def test_what_the_model_cannot_answer_fails_the_test(
    worker: Paddock, model: str, inputs: dict[str, Any], reply: Any, why: str
) -> None:
    """DT-069"""
    worker.ai.reply(reply)
    with pytest.raises(UnexpectedAiCall, match=rf"call 1, of {model}: .* cannot be answered .*: .*{why}"):
        run(worker, model, inputs)


def test_a_stream_is_no_answer_of_a_model_without(worker: Paddock) -> None:
    worker.ai.stream(["Bon", "jour"])
    with pytest.raises(UnexpectedAiCall, match="it comes in one piece: use reply, not stream"):
        run(worker, TRANSLATES, {"text": "x", "target_lang": "fr"})


def test_models_that_write_need_words_and_those_that_read_do_not(worker: Paddock) -> None:
    """DT-074"""
    worker.ai.reply("Bonjour")
    assert len(run(worker, EMBEDS, TEXTS)["data"]) == 2  # made up: the reply is words
    assert run(worker, TRANSLATES, {"text": "x", "target_lang": "fr"})["translated_text"] == "Bonjour"
    with pytest.raises(UnexpectedAiCall, match=r"No reply is left in .* for call 3"):
        run(worker, TRANSLATES, {"text": "x", "target_lang": "fr"})


def test_vectors_are_not_made_up_beside_those_of_the_test(worker: Paddock) -> None:
    """DT-074"""
    worker.ai.reply([[1, 0], [0, 1]])
    assert run(worker, EMBEDS, TEXTS)["data"] == [[1, 0], [0, 1]]
    with pytest.raises(UnexpectedAiCall, match=r"No reply is left in .* for call 2, of @cf/baai/bge-"):
        run(worker, EMBEDS, TEXTS)


@pytest.mark.ai("scripted")
def test_asked_for_by_name_nothing_is_made_up(worker: Paddock) -> None:
    """DT-074"""
    with pytest.raises(UnexpectedAiCall, match=r"No reply is left in .* for call 1, of @cf/baai/bge-"):
        run(worker, EMBEDS, TEXTS)
    worker.ai.reply("words")
    with pytest.raises(UnexpectedAiCall, match=r"expected a list of vectors of one length.*got 'words'"):
        run(worker, EMBEDS, TEXTS)


def test_one_reply_has_both_forms_of_a_vector(worker: Paddock) -> None:
    worker.ai.reply([[0.5, 0.1]])
    asked = {"model": EMBEDS, "input": "one"}
    answer = worker.fetch("/client/v4/accounts/any/ai/v1/embeddings", json=asked).result().json()
    assert answer["data"][0]["embedding"] == [0.5, 0.1]
