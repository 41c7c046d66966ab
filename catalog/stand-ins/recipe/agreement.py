"""vLLM beside transformers: the same greedy answers, and how fast it gives them."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["compare_with_vllm"]

_SPEED_TOKENS = 100


def compare_with_vllm(
    folder: Path, adapter: Path | None, prompts: Sequence[str], wanted: Sequence[str]
) -> dict[str, str]:
    """The rows of a table: prompts answered in vLLM as `wanted` says, and tokens per second in bf16.

    Answers are compared in float32. Call it last: vLLM patches classes of transformers, which then no longer load
    models in this process.
    """
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    from vllm import LLM, SamplingParams, TokensPrompt
    from vllm.lora.request import LoRARequest

    lora = LoRARequest("adapter", 1, str(adapter.resolve())) if adapter else None
    common: dict[str, Any] = {
        "model": str(folder),
        "max_model_len": 1024,
        "enforce_eager": True,
        "kv_cache_memory_bytes": 1 << 27,
        "disable_log_stats": True,
    }
    if lora:  # one slot more than adapters: with none free, vLLM's LoRA kernels for CPUs answer wrongly
        common |= {"enable_lora": True, "max_loras": 2, "max_lora_rank": 8}
    engine = LLM(dtype="float32", **common)
    encode = engine.get_tokenizer().encode
    ids = [TokensPrompt(prompt_token_ids=encode(prompt, add_special_tokens=False)) for prompt in prompts]
    greedy = SamplingParams(temperature=0, max_tokens=100)
    outputs = engine.generate(ids, greedy, use_tqdm=False, lora_request=lora)
    equal = sum(out.outputs[0].text.strip() == text for out, text in zip(outputs, wanted, strict=True))
    rows = {"vLLM equals transformers": f"{equal}/{len(wanted)}"}
    del engine
    engine = LLM(dtype="bfloat16", **common)
    params = SamplingParams(temperature=1, max_tokens=_SPEED_TOKENS, ignore_eos=True)
    for streams in (1, 64):
        engine.generate([ids[0]] * streams, params, use_tqdm=False, lora_request=lora)
        started = time.monotonic()
        engine.generate([ids[0]] * streams, params, use_tqdm=False, lora_request=lora)
        speed = _SPEED_TOKENS * streams / (time.monotonic() - started)
        rows[f"vLLM tokens per second, {streams} at once"] = f"{speed:.0f}"
    return rows
