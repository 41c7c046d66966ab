"""What the engine is made with: our settings as the arguments of vLLM's EngineArgs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["engine_arguments", "kv_cache_bytes"]

#: The ranks that vLLM has room for (vllm.config.lora, MaxLoRARanks).
_LORA_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
#: Grammars have no white space between a document's tokens, and no properties beyond the declared ones: weak models,
#: once allowed them, draw nothing else until `max_tokens`. vLLM can do so per engine only, where the backend is named.
_STRUCTURED_OUTPUTS: Final = {
    "backend": "guidance",
    "disable_any_whitespace": True,
    "disable_additional_properties": True,
}


def engine_arguments(settings: EngineSettings, *, on_cpu: bool) -> dict[str, Any]:
    """By the names of EngineArgs."""
    arguments: dict[str, Any] = {
        "model": settings.model_path,
        "served_model_name": settings.served_name,
        "dtype": settings.dtype,
        "max_model_len": settings.max_model_len,
        "max_num_seqs": settings.max_num_seqs,
        "enforce_eager": on_cpu if settings.enforce_eager is None else settings.enforce_eager,
        "enable_prefix_caching": True,
        "quantization": settings.quantization,
        "disable_log_stats": True,
        "scheduling_policy": "priority",
    }
    if settings.runner == "pooling":
        arguments |= _pooling_arguments(settings, on_cpu=on_cpu)
    else:
        arguments["structured_outputs_config"] = _STRUCTURED_OUTPUTS | {
            "reasoning_parser": settings.reasoning_parser or ""
        }
    if settings.kv_cache_bytes is not None:
        arguments["kv_cache_memory_bytes"] = settings.kv_cache_bytes
    if settings.gpu_memory_utilization is not None:
        arguments["gpu_memory_utilization"] = settings.gpu_memory_utilization
    if settings.enable_sleep and not on_cpu:
        arguments["enable_sleep_mode"] = True
    if settings.enable_lora and not (on_cpu and _is_mixture(settings.model_path)):
        # The spare slot is the one that the CPU kernels hand to requests without adapter; AdapterSlots leaves it empty.
        slots = settings.max_loras + on_cpu
        rank = next((rank for rank in _LORA_RANKS if rank >= settings.max_lora_rank), settings.max_lora_rank)
        arguments |= {"enable_lora": True, "max_loras": slots, "max_cpu_loras": slots, "max_lora_rank": rank}
    if settings.deterministic and on_cpu:
        # Its kernels add up in another order for another number of rows, and one bit decides between two likely tokens.
        arguments |= {"max_num_seqs": 1, "enable_prefix_caching": False}
    return arguments | settings.extra


def _pooling_arguments(settings: EngineSettings, *, on_cpu: bool) -> dict[str, Any]:
    """For a model that reads. No prefix cache: it would keep what the vectors of tokens are asked for."""
    arguments: dict[str, Any] = {"runner": "pooling", "enable_prefix_caching": False}
    if settings.pooling is not None:
        arguments["pooler_config"] = {"pooling_type": settings.pooling.upper()}
    if settings.dtype == "auto" and on_cpu:
        # vLLM would take half precision, in which the third digit of a cosine is noise.
        arguments["dtype"] = "float32"
    return arguments


def _is_mixture(model_path: str) -> bool:
    """True for a mixture of experts. Their layers take adapters in Triton alone, which the CPU build has not (0.32)."""
    config = json.loads(Path(model_path, "config.json").read_bytes())
    texts = (config, config.get("text_config") or {})
    return any(text.get(key) for text in texts for key in ("num_experts", "num_local_experts", "n_routed_experts"))


def kv_cache_bytes(config: Any) -> int:
    """Room for 64 requests of 512 tokens, within a quarter of the free memory.

    At least one full context, without which vLLM refuses to start; not more than that, because vLLM writes to all of
    it at start-up, and 400 MB take it a second.
    """
    model, cache = config.model_config, config.cache_config
    layers, heads = (count(config.parallel_config) for count in (model.get_num_layers, model.get_num_kv_heads))
    token_bytes: int = 2 * layers * heads * model.get_head_size() * model.dtype.itemsize
    least_bytes: int = (model.max_model_len + 2 * cache.block_size) * token_bytes
    free_bytes = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(least_bytes, min(64 * 512 * token_bytes, free_bytes // 4))
