"""What vLLM's generating and pooling models have in common behind `steploop.StepEngine`.

Imports vLLM only in functions, as `host.py` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.core import Core

__all__ = ["VllmStep"]


class VllmStep:
    """An engine core, its figures, its sleep, and the errors with which it refuses inputs."""

    def __init__(self, core: Core) -> None:
        from vllm import exceptions

        self._core = core
        self._engine = core.engine
        # The class tree of errors changed between the versions that we support.
        names = ("VLLMClientError", "VLLMValidationError")
        self.input_errors: tuple[type[Exception], ...] = (
            ValueError,
            *(getattr(exceptions, name) for name in names if hasattr(exceptions, name)),
        )

    def counts(self) -> tuple[int, int]:
        """As `StepEngine.counts`. Of a pooling model: texts, not requests."""
        running, waiting, _ = self._core.counts()
        return running, waiting

    def kv_cache_usage(self) -> float:
        """As `StepEngine.kv_cache_usage`."""
        return self._core.counts().kv_cache_usage

    def sleep(self, *, is_asleep: bool) -> None:
        """As `StepEngine.sleep`. Level 1 keeps the weights in the machine's memory."""
        if is_asleep:
            self._engine.sleep(level=1)
        else:
            self._engine.wake_up()
