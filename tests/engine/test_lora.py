"""LoRA on the real engine: an adapter gives what its merged weights give, beside others and beside none."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai.engines.protocol import Adapter
from paddock.bindings.errors import InputError, LoraNotFound, LoraUnsupported

if TYPE_CHECKING:
    from pathlib import Path

    from paddock.bindings.ai.engines.embedded import EmbeddedEngine

QUESTIONS = ["Tell me about lighthouses.", "Who are you?", "Write a short story about hedgehogs.", "Hello"]

#: Adds scale * B @ A to each weight that the adapter has; in a process of its own, because it imports torch.
MERGE = """
import json, sys
from pathlib import Path
from safetensors.torch import load_file, save_file

model, adapter = Path(sys.argv[1]), Path(sys.argv[2])
config = json.loads((adapter / "adapter_config.json").read_text())
weights = {name: tensor.float() for name, tensor in load_file(model / "model.safetensors").items()}
low = load_file(adapter / "adapter_model.safetensors")
for name in [name for name in low if "lora_A" in name]:
    target = name.removeprefix("base_model.model.").replace("lora_A.", "")
    up = low[name.replace("lora_A", "lora_B")].float()
    weights[target] += config["lora_alpha"] / config["r"] * up @ low[name].float()
save_file(weights, model / "model.safetensors", {"format": "pt"})
"""


@pytest.fixture(scope="module")
def ranch_hand(stand_ins: Path) -> Adapter:
    return Adapter("ranch-hand", str(stand_ins / "ranch-hand"))


@pytest.fixture(scope="module")
def shy(ranch_hand: Adapter, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    """A second adapter: the first at minus half of its strength."""
    path = tmp_path_factory.mktemp("adapters") / "shy"
    shutil.copytree(ranch_hand.path, path)
    config = json.loads((path / "adapter_config.json").read_text())
    (path / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": -config["lora_alpha"] / 2}))
    return Adapter("shy", str(path))


@pytest.fixture
def engine(stand_ins: Path, engine_of: Any) -> EmbeddedEngine:
    """Two adapters at once."""
    real: EmbeddedEngine = engine_of(stand_ins / "mistral", enable_lora=True, max_loras=2, max_lora_rank=8)
    return real


def _merged(stand_ins: Path, adapter: Adapter, folder: Path) -> Path:
    path = folder / f"merged-{adapter.name}"
    shutil.copytree(stand_ins / "mistral", path)
    subprocess.run([sys.executable, "-c", MERGE, str(path), adapter.path], check=True)
    return path


def test_adapters_give_what_their_merged_weights_give(
    stand_ins: Path,
    engine: EmbeddedEngine,
    engine_of: Any,
    ranch_hand: Adapter,
    shy: Adapter,
    tmp_path: Path,
    run: Any,
    ask: Any,
    answer: Any,
) -> None:
    for adapter in (ranch_hand, shy):
        merged = engine_of(_merged(stand_ins, adapter, tmp_path))
        for question in QUESTIONS:
            expected = run(answer(merged, ask(question))).text
            assert run(answer(engine, ask(question, adapter=adapter))).text == expected
        run(merged.close())


def test_base_and_adapters_in_one_batch_are_each_right(
    stand_ins: Path,
    engine: EmbeddedEngine,
    engine_of: Any,
    ranch_hand: Adapter,
    shy: Adapter,
    run: Any,
    ask: Any,
    answer: Any,
) -> None:
    """Without the spare slot, vLLM 0.32 on the CPU gives base requests the adapter that was loaded last."""

    async def main() -> None:
        plain = engine_of(stand_ins / "mistral")
        adapters = [None, ranch_hand, shy, None, shy, ranch_hand]
        alone = [(await answer(engine, ask(QUESTIONS[0], adapter=adapter))).text for adapter in adapters]
        batch = await asyncio.gather(*(answer(engine, ask(QUESTIONS[0], adapter=adapter)) for adapter in adapters))
        assert [one.text for one in batch] == alone
        assert alone[0] == alone[3] == (await answer(plain, ask(QUESTIONS[0]))).text
        assert len(set(alone)) > 1

    run(main())


def test_more_adapters_than_slots_take_turns_and_stay_right(
    stand_ins: Path, engine_of: Any, ranch_hand: Adapter, shy: Adapter, run: Any, ask: Any, answer: Any
) -> None:
    async def main() -> None:
        engine = engine_of(stand_ins / "mistral", enable_lora=True, max_loras=1, max_lora_rank=8)
        adapters = [None, ranch_hand, shy] * 4
        alone = [(await answer(engine, ask(QUESTIONS[2], adapter=adapter))).text for adapter in adapters[:3]]
        batch = await asyncio.gather(*(answer(engine, ask(QUESTIONS[2], adapter=adapter)) for adapter in adapters))
        assert [one.text for one in batch] == alone * 4
        assert len((await engine.stats()).adapters) == 1

    run(main())


def test_adapter_of_too_high_a_rank_is_refused_and_the_engine_lives(
    engine: EmbeddedEngine, ranch_hand: Adapter, tmp_path: Path, run: Any, ask: Any, answer: Any
) -> None:
    shutil.copytree(ranch_hand.path, tmp_path / "big")
    config = json.loads((tmp_path / "big" / "adapter_config.json").read_text())
    (tmp_path / "big" / "adapter_config.json").write_text(json.dumps({**config, "r": 64}))
    with pytest.raises(InputError, match="expected a rank of 1 to 8, got 64"):
        run(answer(engine, ask("Hello", adapter=Adapter("big", str(tmp_path / "big")))))
    assert run(answer(engine, ask("Hello"))).chunks


def test_adapter_that_only_vllm_can_refuse_is_refused_alone(
    engine: EmbeddedEngine, ranch_hand: Adapter, tmp_path: Path, run: Any, ask: Any, answer: Any
) -> None:
    shutil.copytree(ranch_hand.path, tmp_path / "odd")
    config = json.loads((tmp_path / "odd" / "adapter_config.json").read_text())
    (tmp_path / "odd" / "adapter_config.json").write_text(json.dumps({**config, "use_dora": True}))
    with pytest.raises(InputError, match="DoRA"):
        run(answer(engine, ask("Hello", adapter=Adapter("odd", str(tmp_path / "odd")))))
    assert run(answer(engine, ask("Hello"))).chunks


def test_missing_adapter_is_refused_and_the_engine_lives(
    engine: EmbeddedEngine, tmp_path: Path, run: Any, ask: Any, answer: Any
) -> None:
    with pytest.raises(LoraNotFound, match="Finetune nobody not found"):
        run(answer(engine, ask("Hello", adapter=Adapter("nobody", str(tmp_path / "nobody")))))
    assert run(answer(engine, ask("Hello"))).chunks


def test_mixtures_of_experts_answer_and_refuse_adapters_on_the_cpu(
    run: Any, ask: Any, answer: Any, engine_of: Any, stand_ins: Path
) -> None:
    """vLLM's CPU build would die at the first request of such an engine."""
    engine = engine_of(stand_ins / "qwen3", enable_lora=True)
    assert run(answer(engine, ask("Hello"))).text
    with pytest.raises(LoraUnsupported):
        run(answer(engine, ask("Hello", adapter=Adapter("ranch-hand", str(stand_ins / "ranch-hand")))))
    assert run(answer(engine, ask("Hello"))).text
