"""The engine host: one vLLM engine in a process of its own. Only this module, `vllm_engine.py` and `vllm_pooling.py`
import vLLM, and only in functions.

Written against vLLM 0.26 to 0.32: differences are asked of the classes, never of a version number.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from paddock.bindings.ai.engines.arguments import engine_arguments, kv_cache_bytes
from paddock.bindings.ai.engines.checkpoint import broken_file
from paddock.bindings.ai.engines.core import make_core
from paddock.bindings.ai.engines.frames import Phase, Progress, Ready
from paddock.bindings.ai.engines.steploop import StepEngine, run
from paddock.bindings.ai.engines.transformers.loading import load as load_transformers
from paddock.bindings.ai.engines.transformers.loading import model_class as transformers_model
from paddock.bindings.ai.engines.vllm_engine import VllmEngine
from paddock.bindings.ai.engines.vllm_pooling import VllmPooling
from paddock.bindings.ai.engines.vllm_step import make_parsers

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from paddock.bindings.ai.engines.link import ServerLink
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["main"]


def main(sock: socket.socket) -> NoReturn:
    """Load the model that the first frame names, then answer requests until the server stops us or is gone."""
    run(sock, _load)


def _load(link: ServerLink, settings: EngineSettings) -> tuple[StepEngine, Ready]:
    """Make the engine, saying which phase has begun."""
    name = transformers_model(settings.model_path, is_talker=settings.runner == "generate")
    if name is not None:
        marks = settings.tool_parser or settings.reasoning_parser
        return load_transformers(link, settings, name, partial(make_parsers, settings=settings) if marks else None)
    began: dict[Phase, float] = {}

    def enter(phase: Phase) -> None:
        began[phase] = time.monotonic()
        link.send(Progress(phase))

    enter("import")
    import torch
    import vllm
    from vllm.platforms import current_platform

    _permit_amx(torch)
    _inspect_in_process(settings.model_path)
    _meet_in_memory()
    with _broken_files_named(Path(settings.model_path)):
        enter("config")
        config = vllm.EngineArgs(**engine_arguments(settings, on_cpu=current_platform.is_cpu())).create_engine_config()
        device = str(config.device_config.device_type)
        if device == "cpu" and config.cache_config.kv_cache_memory_bytes is None:
            config.cache_config.kv_cache_memory_bytes = kv_cache_bytes(config)
        enter("model")
        core = make_core(config, in_own_process=settings.core_process)
        engine = VllmPooling(core, settings) if settings.runner == "pooling" else VllmEngine(core, settings)
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
