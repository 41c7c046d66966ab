"""The untrained models: the real architectures at the size of a stand-in."""

from typing import Any

from formats import FORMATS
from transformers import (
    Gemma4ForCausalLM,
    Gemma4TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
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
    if arch in _GROUPED:
        return _GROUPED[arch](common | {"num_key_value_heads": hidden // 96, "head_dim": _HEAD})
    return MistralForCausalLM(
        MistralConfig(**common, sliding_window=None, num_key_value_heads=hidden // 96, head_dim=_HEAD)
    )


def _llama3(common: dict[str, Any]) -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**common, rope_parameters={"rope_type": "default", "rope_theta": 500_000.0}))


def _qwen3(common: dict[str, Any]) -> PreTrainedModel:
    """A mixture of eight experts, two for each token, in every layer."""
    experts = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": common["hidden_size"] // 2}
    model = Qwen3MoeForCausalLM(Qwen3MoeConfig(**common, **experts, norm_topk_prob=True, decoder_sparse_step=1))
    # The batched forms copy an expert's weights for every token: forty times slower on a CPU.
    model.set_experts_implementation("eager")
    return model


def _gemma4(common: dict[str, Any]) -> PreTrainedModel:
    """Every other layer sees a window only, as in the real one; without its second embedding for each layer."""
    kinds = ["sliding_attention", "full_attention"] * (common["num_hidden_layers"] // 2)
    config = Gemma4TextConfig(
        **common, global_head_dim=_HEAD, layer_types=kinds, sliding_window=1024, hidden_size_per_layer_input=0
    )
    return Gemma4ForCausalLM(config)


#: architectures whose attention heads share keys in groups
_GROUPED = {"llama3": _llama3, "qwen3": _qwen3, "gemma4": _gemma4}
