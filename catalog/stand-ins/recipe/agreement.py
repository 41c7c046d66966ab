"""vLLM beside transformers: the same greedy answers, how fast it gives them, and what its parsers and grammars do."""

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent_measures import AgentCase, documents
from chat import ChatFormat
from formats import AnyFormat
from parsers import parse
from reading import read

__all__ = ["compare_with_vllm"]

_SPEED_TOKENS = 100
#: Documents as Paddock asks for them: nothing between the tokens, nothing that the schema does not name.
_GRAMMAR = {"backend": "guidance", "disable_any_whitespace": True, "disable_additional_properties": True}


def compare_with_vllm(
    folder: Path,
    adapter: Path | None,
    prompts: Sequence[str],
    wanted: Sequence[str],
    agents: Sequence[tuple[AgentCase, str]],
    form: AnyFormat,
) -> dict[str, str]:
    """The rows of a table: prompts answered in vLLM as `wanted` says, and tokens per second in bf16.

    `agents` are cases of models with tools and what transformers answered. Answers are compared in float32. Call it
    last: vLLM patches classes of transformers, which then no longer load models in this process.
    """
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    from vllm import LLM, SamplingParams
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
    engine = LLM(dtype="float32", structured_outputs_config=_GRAMMAR, **common)
    given = _answers(engine, prompts, SamplingParams(temperature=0, max_tokens=100), lora)
    equal = sum(text == other for text, other in zip(given, wanted, strict=True))
    if isinstance(form, ChatFormat):
        marked = SamplingParams(temperature=0, max_tokens=250, skip_special_tokens=False)
        parsed = _answers(engine, [case.prompt for case, _ in agents], marked)
        equal += sum(text == other for text, (_, other) in zip(parsed, agents, strict=True))
    rows = {"vLLM equals transformers": f"{equal}/{len(wanted) + len(agents)}"}
    if isinstance(form, ChatFormat):
        rows |= _parsed(engine.get_tokenizer(), form, [case for case, _ in agents], parsed)
        rows |= _documents(engine, form)
    del engine
    engine = LLM(dtype="bfloat16", **common)
    params = SamplingParams(temperature=1, max_tokens=_SPEED_TOKENS, ignore_eos=True)
    for streams in (1, 64):
        _answers(engine, [prompts[0]] * streams, params, lora)
        started = time.monotonic()
        _answers(engine, [prompts[0]] * streams, params, lora)
        speed = _SPEED_TOKENS * streams / (time.monotonic() - started)
        rows[f"vLLM tokens per second, {streams} at once"] = f"{speed:.0f}"
    return rows


def _answers(engine: Any, prompts: Sequence[str], params: Any, lora: Any = None) -> list[str]:
    """What the engine writes behind each prompt."""
    encode = engine.get_tokenizer().encode
    ids = [{"prompt_token_ids": encode(prompt, add_special_tokens=False)} for prompt in prompts]
    outputs = engine.generate(ids, params, use_tqdm=False, lora_request=lora)
    return [output.outputs[0].text.strip() for output in outputs]


def _parsed(tokenizer: Any, form: ChatFormat, cases: list[AgentCase], written: list[str]) -> dict[str, str]:
    """Whether vLLM's parsers find what stands there: reasoning, calls, text."""
    right = 0
    for case, text in zip(cases, written, strict=True):
        with contextlib.suppress(ValueError, KeyError):  # read() refuses broken calls: they count as wrong
            right += parse(form, tokenizer, text, case.tools, case.thinking) == read(form, text)
    return {"vLLM's parsers read calls and reasoning": f"{right}/{len(cases)}"}


def _documents(engine: Any, form: ChatFormat) -> dict[str, str]:
    """Documents under a grammar: whole, and holding the words of the question."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    asked = documents()
    whole = held = 0
    for question, schema, words in asked:
        grammar = StructuredOutputsParams(json=schema)
        params = SamplingParams(temperature=0, max_tokens=150, structured_outputs=grammar)
        (text,) = _answers(engine, [form.prompt(question)], params)
        try:
            json.loads(text)
        except ValueError:
            print(f"    wrong: {question!r} -> {text!r}")
            continue
        whole += 1
        held += all(word in text for word in words)
        print(f"    document: {question!r} -> {text!r}")
    count = len(asked)
    return {"documents under a grammar end": f"{whole}/{count}", "documents hold the words": f"{held}/{count}"}
