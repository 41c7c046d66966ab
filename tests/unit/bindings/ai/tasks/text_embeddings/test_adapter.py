"""The forms of inputs and answers of embedding models, over an engine that makes vectors up."""

import asyncio
import math

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.errors import InputError, OptionUnsupported

BGE = "@cf/baai/bge-base-en-v1.5"
M3 = "@cf/baai/bge-m3"
QWEN = "@cf/qwen/qwen3-embedding-0.6b"
GEMMA = "@cf/google/embeddinggemma-300m"


def run(make_service, model: str, engine: ScriptedEngine | None = None, **inputs: object) -> dict:
    service = make_service(engine or ScriptedEngine())
    output = asyncio.run(service.run(model, inputs, [])).output
    assert isinstance(output, dict)
    return output


@pytest.mark.parametrize("text", ["a lighthouse", ["a lighthouse"]])
def test_one_text_is_one_vector(make_service, text: object) -> None:
    """WA-082"""
    answer = run(make_service, BGE, text=text)
    assert list(answer) == ["shape", "data", "pooling"]
    assert answer["shape"] == [1, 768]
    assert [len(vector) for vector in answer["data"]] == [768]


def test_several_texts_are_as_many_vectors_in_their_order(make_service) -> None:
    """WA-083, DT-071"""
    answer = run(make_service, BGE, text=["one", "two", "one"])
    first, second, third = answer["data"]
    assert answer["shape"] == [3, 768]
    assert first == third != second
    assert math.isclose(math.hypot(*first), 1.0, rel_tol=1e-6)


def test_all_texts_of_a_call_are_one_request_of_the_engine(make_service) -> None:
    engine = ScriptedEngine()
    run(make_service, BGE, engine, text=["one", "two"])
    (request,) = engine.requests
    assert request.work is not None
    assert request.work.texts == ("one", "two")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_pooling_is_echoed_and_reaches_the_engine(make_service, pooling: str) -> None:
    """WA-084"""
    engine = ScriptedEngine()
    answer = run(make_service, BGE, engine, text="x", pooling=pooling)
    assert answer["pooling"] == pooling
    assert engine.requests[0].work is not None
    assert engine.requests[0].work.pooling == pooling


def test_the_default_is_mean(make_service) -> None:
    assert run(make_service, BGE, text="x") == run(make_service, BGE, text="x", pooling="mean")


def test_a_model_without_pooling_says_nothing_of_it(make_service) -> None:
    assert list(run(make_service, GEMMA, text="x")) == ["shape", "data"]


def test_m3_compares_contexts_with_a_query(make_service) -> None:
    contexts = [{"text": "two"}, {"text": "one"}, {"text": "three"}]
    answer = run(make_service, M3, query="one", contexts=contexts)
    assert [row["id"] for row in answer["response"]] == [0, 1, 2]
    assert math.isclose(answer["response"][1]["score"], 1.0, rel_tol=1e-6)
    assert all(row["score"] < 0.5 for row in (answer["response"][0], answer["response"][2]))


def test_m3_embeds_contexts_without_a_query(make_service) -> None:
    answer = run(make_service, M3, contexts=[{"text": "one"}, {"text": "two"}])
    assert list(answer) == ["shape", "response", "pooling"]
    assert (answer["shape"], answer["pooling"]) == ([2, 1024], "cls")


def test_m3_embeds_texts_and_truncates_them_when_told_to(make_service) -> None:
    engine = ScriptedEngine()
    answer = run(make_service, M3, engine, text=["one"], truncate_inputs=True)
    assert answer["shape"] == [1, 1024]
    assert engine.requests[0].work is not None
    assert engine.requests[0].work.is_truncated


def test_qwen_asks_queries_with_the_instruction_and_leaves_documents_as_they_are(make_service) -> None:
    engine = ScriptedEngine()
    answer = run(make_service, QWEN, engine, queries="why?", documents=["a", "b"], text="c", instruction="Find answers")
    assert engine.requests[0].work is not None
    assert engine.requests[0].work.texts == ("Instruct: Find answers\nQuery:why?", "a", "b", "c")
    assert answer["shape"] == [4, 1024]


@pytest.mark.parametrize(
    ("model", "inputs", "text"),
    [
        (BGE, {"text": []}, "text: expected at least one text; got none"),
        (BGE, {"text": ["a", 1]}, r"Expected `str`, got `int` - at `\$.text\[1\]`"),
        (BGE, {"text": ["a"] * 5000}, "expected at most 4096 texts in a call; got 5000"),
        (QWEN, {}, "queries, documents and text: expected at least one text"),
    ],
    ids=["no text", "a number", "too many", "nothing"],
)
def test_what_the_schema_lets_through_and_no_engine_takes_is_refused(
    make_service, model: str, inputs: dict, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        run(make_service, model, **inputs)


def test_batches_are_refused_and_not_run_one_by_one(make_service) -> None:
    with pytest.raises(OptionUnsupported, match="requests: "):
        run(make_service, BGE, requests=[{"text": "x"}])


def test_stream_has_no_meaning(make_service) -> None:
    assert run(make_service, BGE, text="x", stream=True) == run(make_service, BGE, text="x")
