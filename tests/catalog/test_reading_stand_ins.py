"""The stand-ins that read and do not write: complete, small, honest, of the architecture that they stand for."""

import json
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).parents[2] / "catalog" / "stand-ins"
ARCHITECTURES = {
    "bge": "BertModel",
    "bge-m3": "XLMRobertaModel",
    "qwen3-embedding": "Qwen3ForCausalLM",
    "embeddinggemma": "Gemma3TextModel",
}
#: Zeros of positions are the most of the largest, and nothing in a wheel.
CHECKPOINT_BYTES = 4_500_000

stand_in = pytest.mark.parametrize("name", ARCHITECTURES)


def read_json(*parts: str) -> Any:
    return json.loads(HOME.joinpath(*parts).read_text("utf-8"))


@stand_in
def test_it_has_the_architecture_of_its_model_and_heads_that_a_cpu_takes(name: str) -> None:
    config = read_json(name, "config.json")
    assert config["architectures"] == [ARCHITECTURES[name]]
    assert config.get("head_dim", config["hidden_size"] // config["num_attention_heads"]) == 32


@stand_in
def test_it_says_how_its_vectors_are_pooled(name: str) -> None:
    kinds = {module["type"].rpartition(".")[2]: module["path"] for module in read_json(name, "modules.json")}
    assert list(kinds) == ["Transformer", "Pooling", "Normalize"]
    modes = read_json(name, kinds["Pooling"], "config.json")
    assert sum(value is True for value in modes.values()) == 1


TRAINED = {
    "bart": "BartForConditionalGeneration",
    "bge-reranker": "XLMRobertaForSequenceClassification",
    "distilbert-sst-2": "DistilBertForSequenceClassification",
    "llama32-vision": "MllamaForConditionalGeneration",
    "llava": "LlavaForConditionalGeneration",
    "m2m100": "M2M100ForConditionalGeneration",
    "whisper": "WhisperForConditionalGeneration",
}


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_one_has_its_architecture_is_small_and_has_a_card(name: str) -> None:
    assert read_json(name, "config.json")["architectures"] == [TRAINED[name]]
    # Its input and its output tokens have weights of their own, as in Llama 3.2 Vision.
    most = 7_000_000 if name == "llama32-vision" else CHECKPOINT_BYTES
    assert sum(path.stat().st_size for path in (HOME / name).iterdir()) <= most
    card = (HOME / name / "README.md").read_text("utf-8")
    assert "This is **not**" in card
    assert "**loss**" in card
    for value in read_json(name, "evaluation.json").get("rows", {}).values():
        assert f"| {value} |" in card


@stand_in
def test_it_is_small_and_its_card_says_what_it_is_worth(name: str) -> None:
    assert sum(path.stat().st_size for path in (HOME / name).rglob("*") if path.is_file()) <= CHECKPOINT_BYTES
    card = (HOME / name / "README.md").read_text("utf-8")
    assert "constructed, not trained" in card
    for kind, (right, cosine) in read_json(name, "evaluation.json")["rows"].items():
        assert f"| {kind} | {right}/200 | {cosine:.2f} |" in card
