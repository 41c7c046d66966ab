"""Adapters as files, good and bad, made byte by byte."""

import json
import math
import struct

from paddock.bindings.ai.catalog import SHIPPED_CATALOG

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
RANCH_HAND = SHIPPED_CATALOG / "stand-ins" / "ranch-hand"
GOOD_CONFIG = {
    "model_type": "mistral",
    "r": 2,
    "lora_alpha": 4,
    "target_modules": ["q_proj"],
    "task_type": "CAUSAL_LM",
    "peft_type": "LORA",
}
MODULE = "base_model.model.model.layers.0.self_attn.q_proj"
#: Of the stand-in's q_proj, which has 192 inputs and as many outputs, at rank 2.
GOOD_SHAPES = {f"{MODULE}.lora_A.weight": [2, 192], f"{MODULE}.lora_B.weight": [192, 2]}


def config(**changes: object) -> bytes:
    return json.dumps({name: value for name, value in (GOOD_CONFIG | changes).items() if value != "-"}).encode()


def weights(shapes: dict[str, list[int]] | None = None, dtype: str = "F32") -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in (GOOD_SHAPES if shapes is None else shapes).items():
        begin, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    return framed(json.dumps(header).encode(), bytes(end))


def framed(header: bytes, data: bytes = b"", claimed: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if claimed is None else claimed) + header + data
