"""The engine host: one vLLM engine in a process of its own. The only module that imports vLLM, and only in functions.

One thread, one loop: take the frames that are there, step the engine, send what the step gave as one frame. The engine
core runs in this process, so there is no second loop to hand tokens to and nothing that could outlive it. Whatever goes
wrong with one request is a Refused frame for that request; whatever goes wrong with a step ends the process, and the
server starts another.

Written against vLLM 0.26 to 0.32: differences are asked of the classes, never of a version number.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from paddock.bindings.ai.engines.adapters import AdapterRefused, AdapterSlots, Slot
from paddock.bindings.ai.engines.frames import (
    Abort,
    Add,
    AskStats,
    Fatal,
    Outputs,
    Phase,
    Progress,
    Ready,
    Refusal,
    Refused,
    Start,
    Stats,
    Stop,
    ToHost,
)
from paddock.bindings.ai.engines.link import ServerLink
from paddock.bindings.ai.engines.protocol import EngineChunk, FinishReason

if TYPE_CHECKING:
    import socket

    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["main"]

#: Prompts from this many characters on are rendered in a thread: a step takes about 2 ms, and so does tokenising these.
_LONG_PROMPT_CHARACTERS = 4_000
#: The ranks that vLLM has room for.
_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
_FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "abort": "abort"}


class _RequestRefused(Exception):
    def __init__(self, kind: Refusal, message: str, parameters: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.parameters = parameters


class _Prompt(NamedTuple):
    """A rendered prompt: vLLM's engine input, and its length."""

    tokens: Any
    length: int


class _Running:
    """A request that the engine knows."""

    __slots__ = ("announced", "prompt_tokens", "slot")

    def __init__(self, prompt_tokens: int, slot: Slot | None) -> None:
        self.prompt_tokens = prompt_tokens
        self.slot = slot
        self.announced = False


def main(sock: socket.socket) -> NoReturn:
    """Load the model that the first frame names, then answer requests until the server stops us or is gone."""
    link = ServerLink(sock)
    messages: list[ToHost] = []
    while not messages:
        messages = link.receive(wait=True)
    start, *others = messages
    if not isinstance(start, Start):
        raise SystemExit(f"expected the Start frame first, got {type(start).__name__}")
    try:
        engine, ready = _load(link, start.settings)
        host = _Host(link, engine, start.settings)
        link.send(ready)
        host.serve(others)
    except Exception as exc:  # the last word of a process that ends here: the server must hear it
        traceback.print_exc()
        link.send(Fatal(f"{type(exc).__name__}: {exc}"))
        link.drain(timeout_s=1.0)
        _leave(1)


def _leave(status: int) -> NoReturn:
    """End the process without taking the engine apart, which needs a second and serves nobody."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


# Loading


def _load(link: ServerLink, settings: EngineSettings) -> tuple[Any, Ready]:
    """Make the engine, saying which phase has begun."""
    began: dict[Phase, float] = {}

    def enter(phase: Phase) -> None:
        began[phase] = time.monotonic()
        link.send(Progress(phase))

    enter("import")
    import torch
    import vllm
    from vllm.v1.engine.llm_engine import LLMEngine

    _inspect_in_process(settings.model_path)
    enter("config")
    config = vllm.EngineArgs(**_engine_arguments(settings)).create_engine_config()
    device = str(config.device_config.device_type)
    if device == "cpu" and config.cache_config.kv_cache_memory_bytes is None:
        config.cache_config.kv_cache_memory_bytes = _kv_cache_bytes(config)
    enter("model")
    engine = LLMEngine.from_vllm_config(config, disable_log_stats=True)
    times = [*began.values(), time.monotonic()]
    cache = config.cache_config
    return engine, Ready(
        vllm=str(vllm.__version__),
        torch=str(torch.__version__),
        device=device,
        dtype=str(config.model_config.dtype).removeprefix("torch."),
        max_model_len=config.model_config.max_model_len,
        max_num_seqs=config.scheduler_config.max_num_seqs,
        kv_cache_tokens=(cache.num_gpu_blocks or 0) * cache.block_size,
        seconds={phase: later - at for (phase, at), later in zip(began.items(), times[1:], strict=True)},
    )


def _inspect_in_process(model_path: str) -> None:
    """Register the model's class as loaded.

    vLLM asks a model class for its abilities in a subprocess, to keep CUDA out of the process that asks; the first time
    for each architecture that takes as long as importing vLLM again. This process is the one that runs the model.
    """
    from vllm import ModelRegistry

    architectures = json.loads(Path(model_path, "config.json").read_bytes()).get("architectures") or []
    for architecture in architectures:
        entry = getattr(ModelRegistry, "models", {}).get(architecture)
        if hasattr(entry, "load_model_cls"):
            ModelRegistry.register_model(architecture, entry.load_model_cls())


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
    }
    if settings.kv_cache_bytes is not None:
        arguments["kv_cache_memory_bytes"] = settings.kv_cache_bytes
    if settings.gpu_memory_utilization is not None:
        arguments["gpu_memory_utilization"] = settings.gpu_memory_utilization
    if settings.enable_lora:
        # The spare slot is the one that the CPU kernels hand to requests without adapter; AdapterSlots leaves it empty.
        slots = settings.max_loras + on_cpu
        rank = next((rank for rank in _LORA_RANKS if rank >= settings.max_lora_rank), settings.max_lora_rank)
        arguments |= {"enable_lora": True, "max_loras": slots, "max_cpu_loras": slots, "max_lora_rank": rank}
    return arguments | settings.extra


def _kv_cache_bytes(config: Any) -> int:
    """Room for 64 requests of 512 tokens, within a quarter of the free memory.

    At least one full context, without which vLLM refuses to start; not more than that, because vLLM writes to all of
    it at start-up, and 400 MB take it a second.
    """
    model, cache = config.model_config, config.cache_config
    layers, heads = (get(config.parallel_config) for get in (model.get_num_layers, model.get_num_kv_heads))
    token_bytes = 2 * layers * heads * model.get_head_size() * model.dtype.itemsize
    free_bytes = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    least_bytes = (model.max_model_len + 2 * cache.block_size) * token_bytes
    return max(least_bytes, min(64 * 512 * token_bytes, free_bytes // 4))


# Serving


class _Renderer:
    """Messages or text to tokens, with the context checked. Used from two threads; vLLM's tokenizers allow that."""

    def __init__(self, engine: Any, settings: EngineSettings) -> None:
        from vllm.renderers import ChatParams

        self._renderer = engine.renderer
        self._context_tokens: int = engine.model_config.max_model_len
        self._chat = ChatParams(
            chat_template=settings.chat_template,
            chat_template_content_format="string",
            chat_template_kwargs={"add_generation_prompt": True, "tokenize": False},
        )
        # Without vLLM's own length check: it stops counting at the limit, and our refusal names the number.
        unchecked = {"max_total_tokens": None, "max_output_tokens": 0}
        self._text_tokens = dataclasses.replace(self._renderer.default_cmpl_tok_params, **unchecked)
        self._begun_tokens = dataclasses.replace(self._text_tokens, add_special_tokens=False)
        self._chat_tokens = dataclasses.replace(self._renderer.default_chat_tok_params, **unchecked)
        tokenizer = self._renderer.get_tokenizer()
        self._bos: str | None = tokenizer.bos_token
        self._most_characters = self._context_tokens * getattr(tokenizer, "max_chars_per_token", 256)

    def render(self, add: Add) -> _Prompt:
        """The prompt's tokens. Raises _RequestRefused when prompt and answer do not fit the context."""
        characters = _characters(add)
        if characters > self._most_characters:
            self._refuse(max(characters // 4, self._context_tokens) + add.sampling.max_tokens)
        if add.messages is not None:
            conversation = [{"role": message.role, "content": message.content} for message in add.messages]
            _, (tokens,) = self._renderer.render_chat([conversation], self._chat, self._chat_tokens)
        else:
            text = add.prompt or ""
            begun = bool(self._bos) and text.startswith(self._bos or "")
            (tokens,) = self._renderer.render_cmpl(
                [{"prompt": text}], self._begun_tokens if begun else self._text_tokens
            )
        length = len(tokens["prompt_token_ids"])
        if length + add.sampling.max_tokens > self._context_tokens:
            self._refuse(length + add.sampling.max_tokens)
        return _Prompt(tokens, length)

    def _refuse(self, wanted_tokens: int) -> None:
        limit = self._context_tokens
        raise _RequestRefused("context", f"{wanted_tokens} tokens wanted, {limit} possible", (wanted_tokens, limit))


def _characters(add: Add) -> int:
    return len(add.prompt or "") + sum(len(message.content) for message in add.messages or ())


class _Host:
    def __init__(self, link: ServerLink, engine: Any, settings: EngineSettings) -> None:
        self._link = link
        self._engine = engine
        self._renderer = _Renderer(engine, settings)
        self._input_errors = _input_errors()
        self._running: dict[int, _Running] = {}
        # Requests that are ours still: prompts in the thread, and rendered ones whose adapter has no free slot.
        self._rendering: dict[int, Add] = {}
        self._held: dict[int, tuple[Add, _Prompt]] = {}
        self._rendered: SimpleQueue[tuple[Add, Future[_Prompt]]] = SimpleQueue()
        self._long_prompts = ThreadPoolExecutor(1, "long-prompts")
        self._slots: AdapterSlots | None = None
        if settings.enable_lora:
            self._slots = AdapterSlots(
                settings.max_loras, settings.max_lora_rank, load=self._load_adapter, unload=self._unload_adapter
            )
        self._steps = 0
        self._peak_running = 0

    def serve(self, messages: list[ToHost]) -> NoReturn:
        """Obey, admit, step, for ever; `messages` came while the model was loading."""
        while True:
            for message in messages:
                self._obey(message)
            self._admit_rendered()
            if self._running and not self._link.is_congested:
                self._step()
            idle = not self._running or self._link.is_congested
            messages = self._link.receive(wait=idle)

    def _obey(self, message: ToHost) -> None:
        match message:
            case Add():
                self._begin(message)
            case Abort(ids):
                self._abort(ids)
            case AskStats(serial):
                self._link.send(self._stats(serial))
            case Stop():
                _leave(0)
            case Start():
                raise RuntimeError("a second Start frame: a host loads one model")

    def _step(self) -> None:
        chunks: list[tuple[int, EngineChunk]] = []
        for output in self._engine.step():
            chunks.append((int(output.request_id), self._chunk(output)))
        self._steps += 1
        self._peak_running = max(self._peak_running, _scheduler_counts(self._engine)[0])
        if chunks:
            self._link.send(Outputs(chunks))

    def _chunk(self, output: Any) -> EngineChunk:
        piece = output.outputs[0]
        running = self._running[int(output.request_id)]
        finish_reason: FinishReason | None = None
        if output.finished:
            finish_reason = _FINISH_REASONS.get(piece.finish_reason, "error")
            self._end(int(output.request_id))
        if running.announced:
            return EngineChunk(piece.text, len(piece.token_ids), finish_reason)
        running.announced = True
        cached = output.num_cached_tokens or 0
        return EngineChunk(piece.text, len(piece.token_ids), finish_reason, running.prompt_tokens, cached)

    # One request

    def _begin(self, add: Add) -> None:
        if _characters(add) < _LONG_PROMPT_CHARACTERS:
            self._admit(add, None)
            return
        self._rendering[add.id] = add
        future = self._long_prompts.submit(self._renderer.render, add)
        future.add_done_callback(lambda done: (self._rendered.put((add, done)), self._link.wake()))

    def _admit_rendered(self) -> None:
        while not self._rendered.empty():
            add, future = self._rendered.get()
            if self._rendering.pop(add.id, None) is not None:
                self._admit(add, future)

    def _admit(self, add: Add, rendered: Future[_Prompt] | None) -> None:
        """Give the request to the engine, or hold it, or refuse it. Never raises for what a request can cause."""
        try:
            prompt = self._renderer.render(add) if rendered is None else rendered.result()
            self._enter(add, prompt)
        except (_RequestRefused, AdapterRefused) as exc:
            self._link.send(Refused(add.id, exc.kind, str(exc), getattr(exc, "parameters", ())))
        except self._input_errors as exc:
            self._link.send(Refused(add.id, "input", str(exc.args[0]) if exc.args else str(exc)))
        except Exception as exc:  # one request must not end the others; the trace is in the host's output
            traceback.print_exc()
            self._link.send(Refused(add.id, "internal", f"{type(exc).__name__}: {exc}"))

    def _enter(self, add: Add, prompt: _Prompt) -> None:
        slot: Slot | None = None
        if add.adapter is not None:
            if self._slots is None:
                raise _RequestRefused("lora_off", "this engine was started without LoRA")
            slot = self._slots.take(add.adapter)
            if slot is None:
                self._held[add.id] = (add, prompt)
                return
        try:
            parameters = _sampling_parameters(add)
            request = None if slot is None else _lora_request(slot)
            self._engine.add_request(str(add.id), prompt.tokens, parameters, lora_request=request)
        except BaseException:
            if slot is not None and self._slots is not None:
                self._slots.give_back(slot)
            raise
        self._running[add.id] = _Running(prompt.length, slot)

    def _abort(self, ids: tuple[int, ...]) -> None:
        known = [id for id in ids if id in self._running]
        self._engine.abort_request([str(id) for id in known])
        for id in ids:
            self._rendering.pop(id, None)
            self._held.pop(id, None)
        for id in known:
            self._end(id)

    def _end(self, id: int) -> None:
        slot = self._running.pop(id).slot
        if slot is None or self._slots is None:
            return
        self._slots.give_back(slot)
        held, self._held = self._held, {}
        for add, prompt in held.values():
            done: Future[_Prompt] = Future()
            done.set_result(prompt)
            self._admit(add, done)

    # Adapters

    def _load_adapter(self, slot: Slot) -> None:
        self._engine.add_lora(_lora_request(slot))

    def _unload_adapter(self, slot: Slot) -> None:
        self._engine.remove_lora(slot.id)

    def _stats(self, serial: int) -> Stats:
        running, waiting = _scheduler_counts(self._engine)
        adapters = () if self._slots is None else self._slots.names
        held = len(self._rendering) + len(self._held)
        return Stats(serial, running, waiting, self._peak_running, held, self._steps, adapters)


def _scheduler_counts(engine: Any) -> tuple[int, int]:
    """Requests running and waiting, as the scheduler counts them."""
    scheduler = engine.engine_core.engine_core.scheduler
    if hasattr(scheduler, "get_request_counts"):
        running, waiting = scheduler.get_request_counts()
        return running, waiting
    return len(scheduler.running), len(scheduler.waiting)


def _lora_request(slot: Slot) -> Any:
    from vllm.lora.request import LoRARequest

    # vLLM compares adapters by name, in its prefix cache too: the id makes the name unique.
    return LoRARequest(f"{slot.name}#{slot.id}", slot.id, slot.path)


def _sampling_parameters(add: Add) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    given = {
        name: value
        for name in add.sampling.__struct_fields__
        if (value := getattr(add.sampling, name)) is not None and name != "stop"
    }
    return SamplingParams(**given, stop=list(add.sampling.stop), output_kind=RequestOutputKind.DELTA)


def _input_errors() -> tuple[type[Exception], ...]:
    """The errors that mean: the request is at fault. The class tree changed between the versions that we support."""
    from vllm import exceptions

    names = ("VLLMClientError", "VLLMValidationError")
    return (ValueError, *(getattr(exceptions, name) for name in names if hasattr(exceptions, name)))


if __name__ == "__main__":
    sys.exit("the engine host is forked by nursery.py, not started")
