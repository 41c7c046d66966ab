"""The engine host: one vLLM engine in a process of its own. The only module that imports vLLM, and only in functions.

The engine core runs in this process, so there is no second loop to hand tokens to and nothing that could outlive it.
Written against vLLM 0.26 to 0.32: differences are asked of the classes, never of a version number.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from paddock.bindings.ai.engines.checkpoint import broken_file
from paddock.bindings.ai.engines.forced import calls_schema
from paddock.bindings.ai.engines.frames import Add, Phase, Progress, Ready
from paddock.bindings.ai.engines.grammar import excess
from paddock.bindings.ai.engines.parsers import Parsers
from paddock.bindings.ai.engines.protocol import TokenLogprob
from paddock.bindings.ai.engines.reading import Read, tool_definitions
from paddock.bindings.ai.engines.steploop import Prompt, RequestRefused, StepOutput, count_characters, run

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from paddock.bindings.ai.engines.adapters import Slot
    from paddock.bindings.ai.engines.frames import Refusal
    from paddock.bindings.ai.engines.link import ServerLink
    from paddock.bindings.ai.engines.parsers import Reading
    from paddock.bindings.ai.engines.protocol import FinishReason, Message, SamplingParams
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["main"]

#: The ranks that vLLM has room for (vllm.config.lora, MaxLoRARanks).
_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
#: Grammars have no white space between a document's tokens, and no properties beyond the declared ones: weak models,
#: once allowed them, draw nothing else until `max_tokens`. vLLM can do so per engine only, where the backend is named.
_STRUCTURED_OUTPUTS = {
    "backend": "guidance",
    "disable_any_whitespace": True,
    "disable_additional_properties": True,
}
_FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "abort": "abort"}


def main(sock: socket.socket) -> NoReturn:
    """Load the model that the first frame names, then answer requests until the server stops us or is gone."""
    run(sock, _load)


def _load(link: ServerLink, settings: EngineSettings) -> tuple[_Vllm, Ready]:
    """Make the engine, saying which phase has begun."""
    began: dict[Phase, float] = {}

    def enter(phase: Phase) -> None:
        began[phase] = time.monotonic()
        link.send(Progress(phase))

    enter("import")
    import torch
    import vllm
    from vllm.v1.engine.llm_engine import LLMEngine

    _permit_amx(torch)
    _inspect_in_process(settings.model_path)
    _meet_in_memory()
    with _broken_files_named(Path(settings.model_path)):
        enter("config")
        config = vllm.EngineArgs(**_engine_arguments(settings)).create_engine_config()
        device = str(config.device_config.device_type)
        if device == "cpu" and config.cache_config.kv_cache_memory_bytes is None:
            config.cache_config.kv_cache_memory_bytes = _kv_cache_bytes(config)
        enter("model")
        engine = _Vllm(LLMEngine.from_vllm_config(config, disable_log_stats=True), settings)
    ends = [*began.values(), time.monotonic()][1:]
    cache = config.cache_config
    return engine, Ready(
        pid=os.getpid(),
        vllm=str(vllm.__version__),
        torch=str(torch.__version__),
        device=device,
        dtype=str(config.model_config.dtype).removeprefix("torch."),
        max_model_len=config.model_config.max_model_len,
        max_num_seqs=config.scheduler_config.max_num_seqs,
        kv_cache_tokens=(cache.num_gpu_blocks or 0) * cache.block_size,
        seconds={phase: end - start for (phase, start), end in zip(began.items(), ends, strict=True)},
    )


def _permit_amx(torch: Any) -> None:
    """Ask the kernel for the processor's matrix tiles, where it has them.

    vLLM's bfloat16 attention uses them and takes for granted that an earlier multiplication in oneDNN has asked. With
    an explicit KV size there is no warm-up, oneDNN needs no tiles for a short first prompt, and the process would end
    with SIGILL (vLLM 0.32, processors with amx_bf16).
    """
    getattr(torch.cpu, "_init_amx", bool)()


def _inspect_in_process(model_path: str) -> None:
    """Register the model's class as loaded.

    vLLM asks a model class for its abilities in a subprocess, to keep CUDA out of the process that asks; the first time
    for each architecture that takes as long as importing vLLM again. This process is the one that runs the model.
    """
    from vllm import ModelRegistry

    architectures = json.loads(Path(model_path, "config.json").read_bytes()).get("architectures") or []
    for architecture in architectures:
        entry: Any = getattr(ModelRegistry, "models", {}).get(architecture)
        if hasattr(entry, "load_model_cls"):
            ModelRegistry.register_model(architecture, entry.load_model_cls())


def _meet_in_memory() -> None:
    """Keep the file that torch's one worker would meet others in out of the temporary folder.

    vLLM names a new one for each load, and torch removes it when the process group is taken apart, which a process that
    just ends, or is killed, never does. A file in memory ends with the process.
    """
    from vllm.v1.executor import uniproc_executor

    executor: Any = uniproc_executor
    if hasattr(executor, "get_file_store_init_method") and hasattr(os, "memfd_create"):
        url = f"file:///proc/self/fd/{os.memfd_create('vllm_dist')}"
        executor.get_file_store_init_method = lambda: url


@contextlib.contextmanager
def _broken_files_named(folder: Path) -> Iterator[None]:
    """Where a broken file of weights is why the block fails, the error names it, as vLLM's does not."""
    try:
        yield
    except Exception as exc:  # of whatever class: the file is the better reason
        broken = broken_file(folder)
        if broken is None:
            raise
        raise broken from exc


def _engine_arguments(settings: EngineSettings) -> dict[str, Any]:
    from vllm.platforms import current_platform

    on_cpu = current_platform.is_cpu()
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
        "structured_outputs_config": _STRUCTURED_OUTPUTS | {"reasoning_parser": settings.reasoning_parser or ""},
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
    return arguments | settings.extra


def _is_mixture(model_path: str) -> bool:
    """True for a mixture of experts. Their layers take adapters in Triton alone, which the CPU build has not (0.32)."""
    config = json.loads(Path(model_path, "config.json").read_bytes())
    texts = (config, config.get("text_config") or {})
    return any(text.get(key) for text in texts for key in ("num_experts", "num_local_experts", "n_routed_experts"))


def _kv_cache_bytes(config: Any) -> int:
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


class _Vllm:
    """vLLM's in-process engine behind `steploop.StepEngine`."""

    def __init__(self, engine: Any, settings: EngineSettings) -> None:
        from vllm import SamplingParams, exceptions
        from vllm.lora.request import LoRARequest
        from vllm.renderers import ChatParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        self._engine = engine
        self._renderer = engine.renderer
        self._sampling_params = SamplingParams
        self._structured_outputs_params = StructuredOutputsParams
        self._delta = RequestOutputKind.DELTA
        self._lora_request = LoRARequest
        # The class tree of errors changed between the versions that we support.
        names = ("VLLMClientError", "VLLMValidationError")
        self.input_errors: tuple[type[Exception], ...] = (
            ValueError,
            *(getattr(exceptions, name) for name in names if hasattr(exceptions, name)),
        )
        self._chat = ChatParams(
            chat_template=settings.chat_template,
            chat_template_content_format="string",
            chat_template_kwargs={"add_generation_prompt": True, "tokenize": False},
        )
        self._readings: dict[int, Reading] = {}
        # Without vLLM's own length check: it stops counting at the limit, and our refusal names the number.
        unchecked: dict[str, Any] = {"max_total_tokens": None, "max_output_tokens": 0}
        self._text_tokens = dataclasses.replace(self._renderer.default_cmpl_tok_params, **unchecked)
        self._begun_tokens = dataclasses.replace(self._text_tokens, add_special_tokens=False)
        self._chat_tokens = dataclasses.replace(self._renderer.default_chat_tok_params, **unchecked)
        tokenizer = self._renderer.get_tokenizer()
        self._bos: str = tokenizer.bos_token or ""
        self._context_tokens: int = engine.model_config.max_model_len
        self._most_characters: int = self._context_tokens * getattr(tokenizer, "max_chars_per_token", 256)
        self._parsers = _parsers(tokenizer, engine.model_config, settings)
        self.takes_adapters: bool = engine.vllm_config.lora_config is not None

    def render(self, add: Add) -> Prompt:
        """As `StepEngine.render`. vLLM's renderer and tokenizers may be used from several threads."""
        characters = count_characters(add)
        if characters > self._most_characters:
            # Too long whatever its tokens are; an estimate spares tokenising it.
            self._refuse(max(characters // 4, self._context_tokens) + add.sampling.max_tokens)
        if add.messages is not None:
            turns = [_turn(message) for message in add.messages]
            _, (tokens,) = self._renderer.render_chat([turns], self._template(add), self._chat_tokens)
        else:
            text = add.prompt or ""
            has_bos = bool(self._bos) and text.startswith(self._bos)
            how = self._begun_tokens if has_bos else self._text_tokens
            (tokens,) = self._renderer.render_cmpl([{"prompt": text}], how)
        length = len(tokens["prompt_token_ids"])
        if length + add.sampling.max_tokens > self._context_tokens:
            self._refuse(length + add.sampling.max_tokens)
        return Prompt(tokens, length)

    def _template(self, add: Add) -> Any:
        """How the chat template is filled in. Its variables cannot replace those that it has from us."""
        if add.tool_use is None and not add.template_variables:
            return self._chat
        ours = self._chat.chat_template_kwargs
        if add.tool_use is not None:
            ours = {**ours, "tools": tool_definitions(add.tool_use.tools)}
        return dataclasses.replace(self._chat, chat_template_kwargs={**add.template_variables, **ours})

    def _refuse(self, wanted_tokens: int) -> NoReturn:
        limit = self._context_tokens
        raise RequestRefused("context", f"{wanted_tokens} tokens wanted, {limit} possible", (wanted_tokens, limit))

    def begin(self, add: Add, prompt: Prompt, slot: Slot | None) -> None:
        """As `StepEngine.begin`."""
        lora = None if slot is None else self._adapter(slot)
        reading = self._parsers.reading(add, prompt.tokens["prompt_token_ids"])
        schema = add.sampling.json_schema
        if add.tool_use is not None and add.tool_use.is_forced:
            schema = calls_schema(add.tool_use)
        kind: Refusal = "structure" if add.tool_use is None else "input"
        if schema is not None and (reason := excess(schema)):
            raise RequestRefused(kind, reason)
        sampling = self._sampling(add.sampling, schema, reading)
        try:
            if schema is None:
                self._engine.add_request(str(add.id), prompt.tokens, sampling, lora_request=lora)
            else:
                self._begin_structured(add, prompt, sampling, lora, reading)
        except self.input_errors as exc:
            # Tasks map every other value to what vLLM takes, but for token ids, which only the tokenizer can judge.
            if schema is None or add.sampling.logit_bias is not None:
                raise
            raise RequestRefused(kind, str(exc.args[0] if exc.args else exc)) from exc
        if reading is not None:
            self._readings[add.id] = reading

    def _begin_structured(self, add: Add, prompt: Prompt, sampling: Any, lora: Any, reading: Reading | None) -> None:
        """Add a request with a grammar, which must not hold while the model thinks.

        Only the request of the core can say whether it does: vLLM's scheduler would take a raw prompt, and one that
        tells the model not to think, for one whose thoughts are still to come.
        """
        tasks = self._engine.get_supported_tasks()
        request = self._engine.input_processor.process_inputs(
            str(add.id), prompt.tokens, sampling, supported_tasks=tasks, lora_request=lora
        )
        request.reasoning_ended = reading is None or reading.has_thought is not False
        request.reasoning_parser_kwargs = {"chat_template_kwargs": add.template_variables}
        self._engine.add_request(str(add.id), request, sampling)

    def _sampling(self, sampling: SamplingParams, schema: str | None, reading: Reading | None) -> Any:
        names = (name for name in sampling.__struct_fields__ if name not in ("stop", "json_schema"))
        given = {name: value for name in names if (value := getattr(sampling, name)) is not None}
        if schema is not None:
            given["structured_outputs"] = self._structured_outputs_params(json=schema)
        if reading is not None:
            given["skip_special_tokens"] = reading.skips_special_tokens
        return self._sampling_params(**given, stop=list(sampling.stop), output_kind=self._delta)

    def _adapter(self, slot: Slot) -> Any:
        # vLLM tells adapters apart by name, in its prefix cache too: the id makes the name unique.
        return self._lora_request(f"{slot.name}#{slot.id}", slot.id, slot.path)

    def abort(self, ids: Sequence[int]) -> None:
        """As `StepEngine.abort`."""
        self._engine.abort_request([str(id) for id in ids])
        for id in ids:
            self._readings.pop(id, None)

    def step(self) -> list[StepOutput]:
        """As `StepEngine.step`."""
        return [self._output(output) for output in self._engine.step()]

    def _output(self, output: Any) -> StepOutput:
        id, piece = int(output.request_id), output.outputs[0]
        finish_reason = _FINISH_REASONS.get(piece.finish_reason, "error") if output.finished else None
        part = Read(piece.text)
        if id in self._readings:
            try:
                part = self._readings[id].reader.read(piece.text, piece.token_ids, is_last=output.finished)
            except Exception:  # a parser can fail on any text that a model writes; that is no reason to end the others
                traceback.print_exc()
                self.abort([id])
                finish_reason = "error"
            if finish_reason is not None:
                self._readings.pop(id, None)
        cached_tokens = output.num_cached_tokens or 0
        logprobs = _logprobs(piece.token_ids, piece.logprobs) if piece.logprobs else ()
        return StepOutput(id, part, len(piece.token_ids), finish_reason, cached_tokens, logprobs)

    def counts(self) -> tuple[int, int]:
        """As `StepEngine.counts`."""
        scheduler = self._engine.engine_core.engine_core.scheduler
        if hasattr(scheduler, "get_request_counts"):
            running, waiting = scheduler.get_request_counts()
            return running, waiting
        return len(scheduler.running), len(scheduler.waiting)

    def kv_cache_usage(self) -> float:
        """As `StepEngine.kv_cache_usage`."""
        return float(self._engine.engine_core.engine_core.scheduler.kv_cache_manager.usage)

    def sleep(self, *, is_asleep: bool) -> None:
        """As `StepEngine.sleep`. Level 1 keeps the weights in the machine's memory."""
        if is_asleep:
            self._engine.sleep(level=1)
        else:
            self._engine.wake_up()

    def load_adapter(self, slot: Slot) -> None:
        """As `StepEngine.load_adapter`. Raises what vLLM says of an adapter that it cannot use, and lives on."""
        self._engine.add_lora(self._adapter(slot))

    def unload_adapter(self, slot: Slot) -> None:
        """As `StepEngine.unload_adapter`."""
        self._engine.remove_lora(slot.id)


def _parsers(tokenizer: Any, model_config: Any, settings: EngineSettings) -> Parsers:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.parser.parser_manager import ParserManager

    return Parsers(ParserManager, ChatCompletionRequest, tokenizer, model_config, settings)


def _turn(message: Message) -> dict[str, Any]:
    """A message as vLLM reads it; it turns the arguments of calls into objects, as templates want them."""
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    more = {"reasoning": message.reasoning, "tool_call_id": message.tool_call_id, "name": message.name}
    return turn | {name: value for name, value in more.items() if value}


def _logprobs(ids: Sequence[int], places: Sequence[Any]) -> tuple[TokenLogprob, ...]:
    """vLLM's table of each place, in which the drawn token stands beside the likeliest, as our structs."""
    return tuple(_logprob(place, id) for id, place in zip(ids, places, strict=False))


def _logprob(place: Any, id: int) -> TokenLogprob:
    drawn = place[id]
    top = sorted(place.values(), key=lambda entry: int(entry.rank))
    return TokenLogprob(
        drawn.decoded_token or "", drawn.logprob, tuple((entry.decoded_token or "", entry.logprob) for entry in top)
    )
