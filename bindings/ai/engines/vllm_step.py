"""What vLLM's generating and pooling models have in common behind `steploop.StepEngine`.

Imports vLLM only in functions, as `host.py` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paddock.bindings.ai.engines.parsers import Parsers

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.core import Core
    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["VllmStep", "make_parsers", "priority"]


def priority(add: Add) -> int:
    """Its place in vLLM's scheduler: the lowest goes first, and is the last one whose cache is taken away."""
    return 1 if add.is_patient else 0


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


def make_parsers(tokenizer: Any, model_config: Any = None, *, settings: EngineSettings) -> Parsers:
    """vLLM's parsers of what a model writes, for whatever engine runs it. Raises as `Parsers` does."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.parser.parser_manager import ParserManager

    return Parsers(ParserManager, ChatCompletionRequest, tokenizer, model_config, settings)
