"""The modules that the fork server imports exist in the installed vLLM: a wrong name would only make starts slower."""

from __future__ import annotations

import importlib.util
from importlib.machinery import PathFinder

import pytest

from paddock.bindings.ai.engines.preload import CPU_MODULES, CUDA_MODULES, SHARED_MODULES


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
@pytest.mark.parametrize("name", SHARED_MODULES + CPU_MODULES + CUDA_MODULES)
def test_module_exists(name: str) -> None:
    assert _is_importable(name)


def _is_importable(name: str) -> bool:
    """As find_spec, which would import the parents."""
    search: list[str] | None = None
    top, *rest = name.split(".")
    if top == "paddock":
        return importlib.util.find_spec(name) is not None
    for depth in range(len(rest) + 1):
        spec = PathFinder.find_spec(".".join([top, *rest[:depth]]), search)
        if spec is None:
            return False
        search = spec.submodule_search_locations
    return True
