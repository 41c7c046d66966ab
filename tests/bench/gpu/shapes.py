"""Model folders in the shapes of real models, for dummy weights: config and tokenizer, and random adapters.

The tokenizer is the stand-in's, filled up with made-up words until it has a text for every id, so that an answer of
random ids is as long in characters as a real one, and every server has something to send for each token.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "serving"))

from models import endless

__all__ = ["SHAPES", "adapter", "shaped"]

#: Fields of config.json. Source: the config.json of microsoft/phi-2, meta-llama/Llama-2-7b-chat-hf and
#: mistralai/Mistral-7B-Instruct-v0.2.
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "phi": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 2048,
        "vocab_size": 51200,
        "tie_word_embeddings": False,
        "rope_parameters": {"partial_rotary_factor": 0.4, "rope_theta": 10000.0, "rope_type": "default"},
        "partial_rotary_factor": 0.4,
    },
    "llama": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "head_dim": 128,
        "max_position_embeddings": 4096,
        "vocab_size": 32000,
        "tie_word_embeddings": False,
    },
    "mistral": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "max_position_embeddings": 32768,
        "vocab_size": 32000,
        "tie_word_embeddings": False,
        "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
    },
}
_RANK: Final = 16


def shaped(stand_in: str, folder: Path, *, is_tiny: bool = False) -> Path:
    """A model folder below `folder` in the real shape; `is_tiny` leaves the stand-in's own."""
    changes = {} if is_tiny else SHAPES[stand_in]
    path = endless(stand_in, folder, **changes)
    _fill_vocabulary(path / "tokenizer.json", json.loads((path / "config.json").read_text())["vocab_size"])
    return path


def adapter(model: Path, folder: Path) -> Path:
    """A random adapter of rank 16 for the queries and values of every layer, in PEFT format."""
    import torch
    from safetensors.torch import save_file

    config = json.loads((model / "config.json").read_text())
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    head_size = config.get("head_dim") or hidden // heads
    sizes = {"q_proj": heads * head_size, "v_proj": config["num_key_value_heads"] * head_size}
    torch.manual_seed(0)
    tensors = {}
    for layer in range(config["num_hidden_layers"]):
        for name, size in sizes.items():
            key = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{key}.lora_A.weight"] = (torch.randn(_RANK, hidden) / hidden**0.5).bfloat16()
            tensors[f"{key}.lora_B.weight"] = (torch.randn(size, _RANK) * 0.01).bfloat16()
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    described = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(model),
        "r": _RANK,
        "lora_alpha": _RANK,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted(sizes),
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(described))
    return folder


def _fill_vocabulary(file: Path, size: int) -> None:
    tokenizer = json.loads(file.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    # "Ġ" is how byte-level tokenizers write the space before a word.
    vocabulary |= {f"Ġx{number}": number for number in range(len(vocabulary), size)}
    file.write_text(json.dumps(tokenizer))
