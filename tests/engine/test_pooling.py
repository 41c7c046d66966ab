"""Embedding models on vLLM: the same vectors as transformers computes, and everything around them."""

from __future__ import annotations

import asyncio
import struct
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.vllm_pooling import isometry
from paddock.bindings.ai.engines.work import Pooled, Pooling
from paddock.bindings.ai.tasks.contract import NO_SAMPLING
from paddock.bindings.errors import OptionUnsupported, TextTooLong

TEXTS = (
    "Tell me about lighthouses.",
    "Tell me something about a lighthouse.",
    "What is the weather in Lisbon?",
    "",
    "Ants. " * 60,
)
#: How each checkpoint pools by its own modules.
OWN = {"bge": "cls", "bge-m3": "cls", "qwen3-embedding": "last", "embeddinggemma": "mean"}
#: Largest difference of a number of a vector, whose length is 1. vLLM and transformers add up in other orders.
TOLERANCE = 2e-6
WAYS = [
    (name, pooling) for name, own in OWN.items() for pooling in ("mean", "cls", None) if not (own == "last" and pooling)
]


async def _work(engine: Any, work: Pooling) -> tuple[Pooled, int]:
    async with aclosing(engine.generate(EngineRequest(NO_SAMPLING, work=work, is_whole=True))) as stream:
        (chunk,) = [chunk async for chunk in stream]
    assert chunk.finish_reason == "stop"
    assert isinstance(chunk.result, Pooled)
    return chunk.result, chunk.prompt_tokens


def rows(pooled: Pooled) -> list[list[float]]:
    numbers = struct.unpack(f"<{pooled.rows * pooled.columns}f", pooled.data)
    return [list(numbers[at : at + pooled.columns]) for at in range(0, len(numbers), pooled.columns)]


def reference(folder: Path, texts: tuple[str, ...], pooling: str, dimensions: int) -> list[list[float]]:
    """What transformers computes, one text at a time."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    vectors = []
    for text in texts:
        with torch.no_grad():
            hidden = model(torch.tensor([tokenizer(text)["input_ids"]])).last_hidden_state[0]
        pooled = {"mean": hidden.mean(0), "cls": hidden[0], "last": hidden[-1]}[pooling]
        vectors.append(torch.nn.functional.normalize(pooled, dim=0))
    table = torch.stack(vectors)
    return (table @ isometry(table.shape[1], dimensions)).tolist()


@pytest.mark.parametrize(("name", "pooling"), WAYS)
def test_vectors_are_those_of_transformers(run, engine_of, stand_ins: Path, name: str, pooling: Any) -> None:
    """WA-082 to WA-084"""
    engine = engine_of(stand_ins / name, runner="pooling", dimensions=384, max_model_len=None)
    pooled, prompt_tokens = run(_work(engine, Pooling("embed", TEXTS, pooling=pooling)))
    wanted = reference(stand_ins / name, TEXTS, pooling or OWN[name], 384)
    assert (pooled.rows, pooled.columns) == (len(TEXTS), 384)
    assert prompt_tokens > len(TEXTS)
    differences = [
        abs(a - b) for one, other in zip(rows(pooled), wanted, strict=True) for a, b in zip(one, other, strict=True)
    ]
    assert max(differences) <= TOLERANCE


@pytest.mark.parametrize("pooling", ["mean", "cls", None])
def test_a_way_of_pooling_that_is_the_rule_changes_no_vector(run, engine_of, stand_ins: Path, pooling: Any) -> None:
    """As the models of bge are run: their file says mean, their checkpoint cls."""
    engine = engine_of(stand_ins / "bge", runner="pooling", pooling="mean", dimensions=384, max_model_len=None)
    pooled, _ = run(_work(engine, Pooling("embed", TEXTS, pooling=pooling)))
    wanted = reference(stand_ins / "bge", TEXTS, pooling or "mean", 384)
    assert (
        max(
            abs(a - b) for one, other in zip(rows(pooled), wanted, strict=True) for a, b in zip(one, other, strict=True)
        )
        <= TOLERANCE
    )


@pytest.mark.parametrize("name", OWN)
def test_near_texts_have_near_vectors(run, engine_of, stand_ins: Path, name: str) -> None:
    engine = engine_of(stand_ins / name, runner="pooling", dimensions=384, max_model_len=None)
    pooled, _ = run(_work(engine, Pooling("embed", TEXTS[:3])))
    one, near, far = rows(pooled)
    cosines = [sum(a * b for a, b in zip(one, other, strict=True)) for other in (near, far)]
    assert cosines[0] > 0.6
    assert cosines[1] < 0.3


@pytest.mark.parametrize("name", OWN)
def test_a_text_without_words_has_a_vector_too(run, engine_of, stand_ins: Path, name: str) -> None:
    engine = engine_of(stand_ins / name, runner="pooling", dimensions=384, max_model_len=None)
    pooled, _ = run(_work(engine, Pooling("embed", ("", "x"))))
    for row in rows(pooled):
        assert abs(sum(number * number for number in row) - 1) < 1e-5


def test_many_texts_of_many_calls_are_one_batch(run, engine_of, stand_ins: Path) -> None:
    engine = engine_of(stand_ins / "bge", runner="pooling", dimensions=384, max_model_len=None)
    calls = [tuple(f"text {n} of call {call}" for n in range(16)) for call in range(6)]

    async def all_of_them() -> list[tuple[Pooled, int]]:
        return await asyncio.gather(*(_work(engine, Pooling("embed", texts)) for texts in calls))

    together = run(all_of_them())
    assert run(engine.stats()).peak_running > 1
    for texts, (pooled, _) in zip(calls, together, strict=True):
        alone, _ = run(_work(engine, Pooling("embed", texts[:1])))
        assert max(abs(a - b) for a, b in zip(rows(alone)[0], rows(pooled)[0], strict=True)) <= TOLERANCE


def test_text_beyond_the_models_length_is_refused_with_both_lengths_or_truncated(run, engine_of, stand_ins) -> None:
    """WA-085"""
    engine = engine_of(stand_ins / "bge", runner="pooling", dimensions=384, max_model_len=None)
    long = "ants " * 600
    with pytest.raises(TextTooLong, match=r"Sequence too long: 1202 > 512"):
        run(_work(engine, Pooling("embed", ("x", long))))
    pooled, prompt_tokens = run(_work(engine, Pooling("embed", (long,), is_truncated=True)))
    shorter, _ = run(_work(engine, Pooling("embed", ("ants " * 255,))))
    assert prompt_tokens == 512
    assert pooled.data == shorter.data


def test_a_model_that_reads_does_not_write_and_the_other_way_round(run, engine_of, stand_ins, answer, ask) -> None:
    with pytest.raises(OptionUnsupported, match="reads texts and writes none"):
        run(answer(engine_of(stand_ins / "bge", runner="pooling", dimensions=384, max_model_len=None), ask("Hi")))
    with pytest.raises(OptionUnsupported, match="writes text"):
        run(_work(engine_of(stand_ins / "llama"), Pooling("embed", ("x",))))


PAIRS = ("A lighthouse stands on a rock.", "Ants live in the garden.", "x")
SENTENCES = ("This pizza is great!", "The movie was awful and boring.", "not good at all")


def test_scores_of_pairs_are_those_of_transformers(run, engine_of, stand_ins: Path) -> None:
    """WA-086"""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = stand_ins / "bge-reranker"
    work = Pooling("classify", PAIRS, query="Where is the lighthouse?")
    pooled, _ = run(_work(engine_of(folder, runner="pooling", max_model_len=None), work))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    wanted = []
    for text in PAIRS:
        with torch.no_grad():
            tokens = tokenizer(work.query, text)["input_ids"]
            wanted.append(float(model(torch.tensor([tokens])).logits[0, 0].sigmoid()))
    assert (pooled.rows, pooled.columns) == (3, 1)
    assert all(abs(row[0] - score) <= TOLERANCE for row, score in zip(rows(pooled), wanted, strict=True))
    assert wanted[0] > wanted[1]


def test_scores_of_labels_are_those_of_transformers_alone_and_in_a_batch(run, engine_of, stand_ins: Path) -> None:
    """WA-087"""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = stand_ins / "distilbert-sst-2"
    engine = engine_of(folder, runner="pooling", max_model_len=None)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    together, _ = run(_work(engine, Pooling("classify", SENTENCES)))
    assert together.labels == ("NEGATIVE", "POSITIVE")
    for text, scores in zip(SENTENCES, rows(together), strict=True):
        with torch.no_grad():
            wanted = model(torch.tensor([tokenizer(text)["input_ids"]])).logits[0].softmax(0).tolist()
        alone, _ = run(_work(engine, Pooling("classify", (text,))))
        for found in (scores, rows(alone)[0]):
            assert all(abs(a - b) <= TOLERANCE for a, b in zip(found, wanted, strict=True))
    assert [scores[1] > 0.5 for scores in rows(together)] == [True, False, False]


def test_a_classifier_refuses_what_is_too_long_and_what_it_does_not_do(run, engine_of, stand_ins: Path) -> None:
    engine = engine_of(stand_ins / "distilbert-sst-2", runner="pooling", max_model_len=None)
    with pytest.raises(TextTooLong, match=r"\d+ > 512"):
        run(_work(engine, Pooling("classify", ("pizza " * 600,))))
    with pytest.raises(OptionUnsupported, match="judges texts"):
        run(_work(engine, Pooling("embed", ("x",))))
