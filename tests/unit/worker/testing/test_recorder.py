"""Recording the real service over a scripted engine, and replaying without one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.service import AiService, RunResult
from paddock.bindings.ai.weights import Weights
from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import EngineOverloaded, PaddockError
from paddock.worker.testing.ai import Ai
from paddock.worker.testing.cassettes import Cassette
from paddock.worker.testing.live import fingerprint
from paddock.worker.testing.recorder import CassetteWarning, recorded, replayed

PHI = "@cf/microsoft/phi-2"
CATALOG = Catalog.read([SHIPPED_CATALOG])


def read(result: RunResult) -> Any:
    async def whole() -> list[str]:
        pieces = []
        assert result.events is not None
        while (piece := await result.events.pull()) is not None:
            pieces.append(piece.decode())
        return pieces

    return result.output if result.events is None else whole()


def record(
    path: Path, engine: ScriptedEngine, weights: Path, *inputs: dict[str, object], model: str = PHI
) -> list[Any]:
    """What the calls came to; the cassette is at the path."""

    async def run() -> list[Any]:
        pool = EnginePool(lambda card: Weights(str(weights), "stand_in"), lambda card, weights: engine)
        live, cassette = AiService(CATALOG, pool), Cassette(path, "all", {})
        answers = []
        for given in inputs:
            answer = read(
                await recorded(live, cassette, model, given, [], "native", fingerprint(live, CATALOG.card(model)))
            )
            answers.append(await answer if asyncio.iscoroutine(answer) else answer)
        cassette.save()
        return answers

    return asyncio.run(run())


def replay(path: Path, *inputs: dict[str, object], here: str = "", model: str = PHI) -> list[Any]:
    async def run() -> list[Any]:
        cassette, ai, answers = Cassette(path, "none", {}), Ai("replay"), []
        for given in inputs:
            recording = cassette.find(model, given)
            assert recording is not None
            answer = read(await replayed(ai, recording, CATALOG.card(model), calls := list[CallRecord](), here))
            answers.append(await answer if asyncio.iscoroutine(answer) else answer)
            assert calls[0].completion_tokens == recording.tokens.completion
            assert calls[0].prompt_tokens == recording.tokens.prompt > 0
        return answers

    return asyncio.run(run())


def test_whole_answers_come_back(tmp_path: Path) -> None:
    """DT-080"""
    path, asked = tmp_path / "a.yaml", {"prompt": "x"}
    answers = record(path, ScriptedEngine(["One two."]), tmp_path, asked)
    assert replay(path, asked) == answers
    assert answers[0]["response"] == "One two."


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("@cf/baai/bge-m3", {"query": "who?", "contexts": [{"text": "a"}, {"text": "b"}]}),
        ("@cf/baai/bge-reranker-base", {"query": "who?", "contexts": [{"text": "a"}, {"text": "b"}]}),
        ("@cf/huggingface/distilbert-sst-2-int8", {"text": "x"}),
        ("@cf/openai/whisper", {"audio": [1, 2, 3]}),
        ("@cf/meta/m2m100-1.2b", {"text": "x", "target_lang": "fr"}),
        ("@cf/facebook/bart-large-cnn", {"input_text": "x"}),
        ("@cf/llava-hf/llava-1.5-7b-hf", {"image": [1, 2, 3], "prompt": "What?"}),
    ],
)
def test_every_task_comes_back(tmp_path: Path, model: str, asked: dict[str, object]) -> None:
    """DT-080"""
    path = tmp_path / "a.yaml"
    answers = record(path, ScriptedEngine(), tmp_path, asked, model=model)
    assert replay(path, asked, model=model) == answers


def test_streams_come_back_with_the_same_events_in_order(tmp_path: Path) -> None:
    """DT-082"""
    path, asked = tmp_path / "a.yaml", {"prompt": "x", "stream": True}
    (events,) = record(path, ScriptedEngine(["One two three."]), tmp_path, asked)
    (again,) = replay(path, asked)
    assert "".join(again) == "".join(events)
    assert (len(again), again[-1]) == (5, "data: [DONE]\n\n")


def test_errors_come_back(tmp_path: Path) -> None:
    path, asked = tmp_path / "a.yaml", {"prompt": "x"}
    with pytest.raises(EngineOverloaded):
        asyncio.run(_failing(path, asked, tmp_path))
    recording = Cassette(path, "none", {}).find(PHI, asked)
    assert recording is not None
    with pytest.raises(PaddockError) as caught:
        asyncio.run(replayed(Ai("replay"), recording, CATALOG.card(PHI), [], ""))
    assert (caught.value.internal_code, caught.value.status) == (3040, 429)


async def _failing(path: Path, asked: dict[str, object], weights: Path) -> None:
    engine = ScriptedEngine([EngineOverloaded()])
    pool = EnginePool(lambda card: Weights(str(weights), "stand_in"), lambda card, weights: engine)
    cassette = Cassette(path, "all", {})
    try:
        await recorded(AiService(CATALOG, pool), cassette, PHI, asked, [], "native", "")
    finally:
        cassette.save()


def test_other_weights_warn_with_both_fingerprints(tmp_path: Path) -> None:
    """DT-084"""
    path, asked = tmp_path / "a.yaml", {"prompt": "x"}
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    record(path, ScriptedEngine(["One."]), tmp_path, asked)
    recording = Cassette(path, "none", {}).find(PHI, asked)
    assert recording is not None
    assert recording.by.startswith(f"stand_in {tmp_path.name} ")
    with pytest.warns(CassetteWarning, match="other weights") as caught:
        replay(path, asked, here="other weights")
    assert recording.by in str(caught[0].message)
    replay(path, asked, here=recording.by)
