"""The shipped stand-ins are complete, small, honest, and of the architecture that they stand for (no engine needed)."""

import json
import re
import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).parents[2] / "catalog" / "stand-ins"
ARCHITECTURES = {
    "phi": "PhiForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "llama3": "LlamaForCausalLM",
    "qwen3": "Qwen3MoeForCausalLM",
    "gemma4": "Gemma4ForCausalLM",
}
CONTEXTS = {"phi": 2048, "llama": 4096, "mistral": 32768, "llama3": 24000, "qwen3": 32768, "gemma4": 262144}
#: markers that must be one token each, and whether decoding may skip them, as in the real tokenizers
MARKERS = {
    "llama3": dict.fromkeys(
        ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|python_tag|>"), True
    ),
    "qwen3": dict.fromkeys(("<|im_start|>", "<|im_end|>", "<|endoftext|>"), True)
    | dict.fromkeys(
        ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"), False
    ),
    "gemma4": dict.fromkeys(
        (
            *("<bos>", "<|turn>", "<turn|>", "<|think|>", "<|channel>", "<channel|>", "<|tool>", "<tool|>"),
            *("<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", '<|"|>'),
        ),
        True,
    ),
}
CHECKPOINT_BYTES = 6_000_000
ADAPTER_BYTES = 400_000

stand_in = pytest.mark.parametrize("name", ARCHITECTURES)
with_tools = pytest.mark.parametrize("name", MARKERS)


def read_json(*parts: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(HOME.joinpath(*parts).read_text("utf-8"))
    return record


def read_header(*parts: str) -> dict[str, Any]:
    """The header of a safetensors file, checked against the length of the file."""
    data = HOME.joinpath(*parts).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    assert max(entry["data_offsets"][1] for entry in header.values()) == len(data) - 8 - length
    return header


def token_ids(name: str) -> dict[str, int]:
    """Every token of a tokenizer with its id: those of its vocabulary, and those added to it."""
    tokenizer = read_json(name, "tokenizer.json")
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    return vocabulary | {token["content"]: token["id"] for token in tokenizer["added_tokens"]}


def folder_bytes(name: str) -> int:
    return sum(path.stat().st_size for path in (HOME / name).iterdir())


@stand_in
def test_a_stand_in_has_the_files_that_an_engine_loads(name: str) -> None:
    wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    assert wanted <= {path.name for path in (HOME / name).iterdir()}


@stand_in
def test_a_stand_in_has_the_architecture_and_context_of_its_model(name: str) -> None:
    config = read_json(name, "config.json")
    assert config["architectures"] == [ARCHITECTURES[name]]
    assert config["max_position_embeddings"] == CONTEXTS[name]


@stand_in
def test_heads_have_the_size_that_attention_on_a_cpu_takes(name: str) -> None:
    config = read_json(name, "config.json")
    assert config.get("head_dim", config["hidden_size"] // config["num_attention_heads"]) == 32


@stand_in
def test_weights_are_whole_and_in_bfloat16(name: str) -> None:
    header = read_header(name, "model.safetensors")
    assert {entry["dtype"] for entry in header.values()} == {"BF16"}


@stand_in
def test_vocabulary_of_tokenizer_and_weights_agree(name: str) -> None:
    header, config = read_header(name, "model.safetensors"), read_json(name, "config.json")
    assert header["model.embed_tokens.weight"]["shape"][0] == config["vocab_size"] == len(token_ids(name))


@stand_in
def test_end_of_text_is_the_same_in_tokenizer_and_config(name: str) -> None:
    end = read_json(name, "tokenizer_config.json")["eos_token"]
    assert token_ids(name)[end] == read_json(name, "config.json")["eos_token_id"]


@with_tools
def test_markers_are_single_tokens_as_special_as_in_the_real_tokenizer(name: str) -> None:
    added = {token["content"]: token["special"] for token in read_json(name, "tokenizer.json")["added_tokens"]}
    assert MARKERS[name].items() <= added.items()


@with_tools
def test_the_template_of_a_checkpoint_is_that_of_the_recipe(name: str) -> None:
    written = (HOME / name / "chat_template.jinja").read_text("utf-8")
    assert written == (HOME / "recipe" / "templates" / f"{name}.jinja").read_text("utf-8").rstrip("\n")


@stand_in
def test_a_stand_in_is_small(name: str) -> None:
    assert folder_bytes(name) <= CHECKPOINT_BYTES


@stand_in
def test_a_card_says_what_it_is_and_what_it_lost(name: str) -> None:
    card = (HOME / name / "README.md").read_text("utf-8")
    assert "stand-in" in card.lower()
    assert re.search(r"\*\*loss\*\*.*\*\*\d\.\d+\*\*", card, re.DOTALL)


def test_the_adapter_is_rank_8_on_all_linear_layers_of_mistral() -> None:
    config = read_json("ranch-hand", "adapter_config.json")
    assert (config["peft_type"], config["r"], config["model_type"]) == ("LORA", 8, "mistral")
    assert config["target_modules"] == sorted(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    assert config["base_model_name_or_path"] == "mistral"


def test_the_adapter_fits_its_base() -> None:
    base, adapter = read_header("mistral", "model.safetensors"), read_header("ranch-hand", "adapter_model.safetensors")
    for key, entry in adapter.items():
        layer, side = re.fullmatch(r"base_model\.model\.(.+)\.lora_([AB])\.weight", key).groups()  # type: ignore[union-attr]  # a key of another form fails here, as it should
        rows, columns = base[f"{layer}.weight"]["shape"]
        assert entry["shape"] == ([8, columns] if side == "A" else [rows, 8])


def test_the_adapter_is_small_and_has_a_card() -> None:
    assert folder_bytes("ranch-hand") <= ADAPTER_BYTES
    assert "loss" in (HOME / "ranch-hand" / "README.md").read_text("utf-8")


def test_held_out_words_are_in_no_training_list() -> None:
    recipe = HOME / "recipe"
    held_out = tomllib.loads((recipe / "heldout.toml").read_text("utf-8"))
    lists = "".join((recipe / f"{name}.toml").read_text("utf-8") for name in ("words", "phrases", "tools"))
    trained = set(re.findall(r"\w+", lists))
    assert not set(held_out["unseen"].split()) & trained
    for tool in held_out["tools"]:
        words = {word.lower() for word in re.findall("[A-Z]?[a-z]+", tool["name"])}
        assert words - trained, f"every word of {tool['name']} is in a training list"
