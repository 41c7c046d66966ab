"""Low-rank adapters: layers to train, files in the PEFT format, and their sum with the weights."""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

__all__ = ["LoraLinear", "add_lora", "merge_lora", "save_lora"]

_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_PREFIX = "base_model.model."


class LoraLinear(torch.nn.Module):
    """A frozen linear layer plus a trained low-rank one: `base(x) + scale * B(A(x))`."""

    def __init__(self, base: torch.nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        self.base, self.scale = base, scale
        self.lora_A = torch.nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_B = torch.nn.Parameter(torch.zeros(base.out_features, rank))
        torch.nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's output with the adapter's added."""
        linear = torch.nn.functional.linear
        base: torch.Tensor = self.base(x)
        return base + self.scale * linear(linear(x, self.lora_A), self.lora_B)


def add_lora(model: PreTrainedModel, rank: int, scale: float) -> dict[str, LoraLinear]:
    """Freeze the model and wrap every target layer. Returns the wrappers by the name of the layer."""
    model.requires_grad_(False)
    found = {name: module for name, module in model.named_modules() if name.rpartition(".")[2] in _TARGETS}
    wrapped = {}
    for name, module in found.items():
        assert isinstance(module, torch.nn.Linear)
        parent, _, child = name.rpartition(".")
        wrapped[name] = LoraLinear(module, rank, scale)
        setattr(model.get_submodule(parent), child, wrapped[name])
    return wrapped


def save_lora(wrapped: dict[str, LoraLinear], out: Path, rank: int, alpha: int, base: str, model_type: str) -> None:
    """Write adapter_config.json and adapter_model.safetensors as PEFT does.

    `model_type` is no field of PEFT's: Workers AI asks for it when an adapter is uploaded.
    """
    out.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{_PREFIX}{name}.{side}.weight": getattr(module, side).detach().to(torch.bfloat16).contiguous()
        for name, module in wrapped.items()
        for side in ("lora_A", "lora_B")
    }
    save_file(tensors, out / "adapter_model.safetensors", metadata={"format": "pt"})
    (out / "adapter_model.safetensors").chmod(0o644)  # safetensors writes it for the owner alone
    config = {
        "base_model_name_or_path": base,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "model_type": model_type,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": sorted(_TARGETS),
        "task_type": "CAUSAL_LM",
    }
    (out / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n")


def merge_lora(model: PreTrainedModel, adapter: Path) -> None:
    """Add an adapter to the weights in place: `W + alpha / r * B A`."""
    config = json.loads((adapter / "adapter_config.json").read_text())
    tensors = load_file(adapter / "adapter_model.safetensors")
    for key, a in tensors.items():
        if key.endswith(".lora_A.weight"):
            layer = model.get_submodule(key.removeprefix(_PREFIX).removesuffix(".lora_A.weight"))
            b = tensors[key.replace("lora_A", "lora_B")]
            layer.weight.data += config["lora_alpha"] / config["r"] * b.float() @ a.float()
