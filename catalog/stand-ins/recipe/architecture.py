"""The untrained models: the three real architectures at the size of a stand-in."""

from typing import Any

from formats import FORMATS
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

__all__ = ["build"]

#: The smallest head that vLLM's attention kernels for CPUs take.
_HEAD = 32


def build(arch: str, tokenizer: PreTrainedTokenizerFast, hidden: int, layers: int) -> PreTrainedModel:
    """An untrained model of about two million weights at hidden size 192 and four layers; embeddings are tied."""
    common: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // _HEAD,
        "max_position_embeddings": FORMATS[arch].context,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": None,
        "tie_word_embeddings": True,
    }
    if arch == "phi":
        phi = PhiConfig(
            **common, intermediate_size=hidden * 4, partial_rotary_factor=0.5, resid_pdrop=0.0, embd_pdrop=0.0
        )
        return PhiForCausalLM(phi)
    common |= {"intermediate_size": hidden * 8 // 3 // 32 * 32, "rms_norm_eps": 1e-5}
    if arch == "llama":
        return LlamaForCausalLM(LlamaConfig(**common))
    return MistralForCausalLM(
        MistralConfig(**common, sliding_window=None, num_key_value_heads=hidden // 96, head_dim=_HEAD)
    )
