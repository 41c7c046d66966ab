"""Faster training on a CPU: the same arithmetic in fewer, larger steps. The trained model keeps nothing of it."""

from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

__all__ = ["hasten"]


def hasten(model: PreTrainedModel) -> None:
    """Compute all experts of a mixture at once, and compile the layers (needs a C++ compiler, and a minute)."""
    if hasattr(model.config, "num_experts"):
        ALL_EXPERTS_FUNCTIONS.register("all", _all_experts)
        model.set_experts_implementation("all")
    for layer in model.model.layers:
        layer.forward = torch.compile(layer.forward, dynamic=True)


def _all_experts(experts: Any, hidden: torch.Tensor, chosen: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Every expert sees every token, and those that were not chosen weigh nothing.

    That is four times the work of two experts in eight, but in two matrix products instead of many small ones.
    Takes (tokens, hidden), and for each token the chosen experts with their weights.
    """
    inner, outer = experts.gate_up_proj, experts.down_proj
    count, _, width = outer.shape
    every = torch.zeros(hidden.shape[0], count, dtype=weights.dtype).scatter(1, chosen, weights)
    gate, up = (hidden @ inner.flatten(0, 1).T).unflatten(1, (count, 2 * width)).chunk(2, dim=2)
    mixed = experts.act_fn(gate) * up * every[:, :, None]
    return (mixed.flatten(1) @ outer.transpose(1, 2).flatten(0, 1)).to(hidden.dtype)
