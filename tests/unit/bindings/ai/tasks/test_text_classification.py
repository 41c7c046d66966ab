"""Rerankers and classifiers, over an engine that makes scores up."""

import asyncio

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.errors import InputError

RERANKER = "@cf/baai/bge-reranker-base"
SENTIMENT = "@cf/huggingface/distilbert-sst-2-int8"
CONTEXTS = [{"text": text} for text in ("one", "two", "three", "four")]


def run(make_service, model: str, **inputs: object) -> object:
    return asyncio.run(make_service(ScriptedEngine()).run(model, inputs, [])).output


def test_contexts_keep_their_order_without_top_k(make_service) -> None:
    """WA-086"""
    answer = run(make_service, RERANKER, query="x", contexts=CONTEXTS)
    assert isinstance(answer, dict)
    assert [row["id"] for row in answer["response"]] == [0, 1, 2, 3]
    assert all(0 <= row["score"] <= 1 for row in answer["response"])


@pytest.mark.parametrize("top_k", [1, 3, 9])
def test_the_best_come_first_and_no_more_than_top_k(make_service, top_k: int) -> None:
    """WA-086"""
    all_of_them = run(make_service, RERANKER, query="x", contexts=CONTEXTS)
    best = run(make_service, RERANKER, query="x", contexts=CONTEXTS, top_k=top_k)
    assert isinstance(all_of_them, dict)
    wanted = sorted(all_of_them["response"], key=lambda row: -row["score"])[:top_k]
    assert best == {"response": wanted}


def test_a_text_gets_every_label_as_a_bare_array(make_service) -> None:
    """WA-087"""
    answer = run(make_service, SENTIMENT, text="This pizza is great!")
    assert isinstance(answer, list)
    assert [row["label"] for row in answer] == ["NEGATIVE", "POSITIVE"]
    assert abs(sum(row["score"] for row in answer) - 1) < 1e-6


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"query": "x", "contexts": []}, "expected a query and 1 to 4096 contexts; got 0"),
        ({"query": "x", "contexts": [{"text": "a"}] * 5000}, "1 to 4096 contexts; got 5000"),
    ],
    ids=["none", "too many"],
)
def test_contexts_that_cannot_be_judged_are_refused(make_service, inputs: dict, text: str) -> None:
    with pytest.raises(InputError, match=text):
        run(make_service, RERANKER, **inputs)
