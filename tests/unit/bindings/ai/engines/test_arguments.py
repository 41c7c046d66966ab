"""Our settings as the arguments of vLLM's EngineArgs."""

from __future__ import annotations

from typing import Any

from paddock.bindings.ai.engines.arguments import engine_arguments
from paddock.bindings.ai.engines.settings import EngineSettings


def arguments(*, on_cpu: bool, **more: Any) -> dict[str, Any]:
    return engine_arguments(EngineSettings(model_path="model", served_name="@cf/a/b", **more), on_cpu=on_cpu)


def test_deterministic_engine_on_the_cpu_takes_one_request_at_a_time() -> None:
    wanted = {"max_num_seqs": 1, "enable_prefix_caching": False}
    assert arguments(on_cpu=True, deterministic=True).items() >= wanted.items()
    assert arguments(on_cpu=False, deterministic=True)["max_num_seqs"] == 128


def test_eager_is_the_rule_on_the_cpu_alone() -> None:
    assert arguments(on_cpu=True)["enforce_eager"] is True
    assert arguments(on_cpu=False)["enforce_eager"] is False


def test_further_arguments_go_before_ours() -> None:
    assert arguments(on_cpu=True, extra={"enforce_eager": False})["enforce_eager"] is False


def test_engine_sleeps_on_a_gpu_only() -> None:
    assert "enable_sleep_mode" not in arguments(on_cpu=True, enable_sleep=True)
    assert arguments(on_cpu=False, enable_sleep=True)["enable_sleep_mode"] is True
