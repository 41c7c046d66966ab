"""One model of transformers' behind `steploop.StepEngine`: a step answers as many requests as the model takes at once.

Nothing is between two steps but the frames that came: a request is aborted before its step or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from paddock.bindings.ai.engines.reading import Read
from paddock.bindings.ai.engines.steploop import Prompt, StepOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.engines.adapters import Slot
    from paddock.bindings.ai.engines.frames import Add
    from paddock.bindings.ai.engines.protocol import FinishReason
    from paddock.bindings.ai.engines.work import Result

__all__ = ["Done", "OneShot", "TransformersEngine"]


class Done(NamedTuple):
    """What one request came to."""

    text: str = ""
    tokens: int = 0
    finish_reason: FinishReason = "stop"
    result: Result | None = None


class OneShot(Protocol):
    """A model that answers whole requests."""

    #: Requests that `run` takes at once.
    most_at_once: int

    def render(self, add: Add) -> Prompt:
        """What `run` takes, and its length in tokens. Called from two threads.

        Raises RequestRefused for what the model cannot do, ValueError for what it does not take.
        """
        ...

    def run(self, prompts: Sequence[Prompt]) -> list[Done]:
        """Answer these, in their order."""
        ...


class TransformersEngine:
    """Adapters and sleep it has none of."""

    takes_adapters = False
    input_errors: tuple[type[Exception], ...] = (ValueError,)

    def __init__(self, model: OneShot) -> None:
        self._model = model
        self._waiting: dict[int, Prompt] = {}

    def render(self, add: Add) -> Prompt:
        """As `StepEngine.render`."""
        return self._model.render(add)

    def begin(self, add: Add, prompt: Prompt, slot: Slot | None) -> None:
        """As `StepEngine.begin`."""
        self._waiting[add.id] = prompt

    def abort(self, ids: Sequence[int]) -> None:
        """As `StepEngine.abort`."""
        for id in ids:
            self._waiting.pop(id, None)

    def step(self) -> list[StepOutput]:
        """As `StepEngine.step`: answers those that came first."""
        ids = list(self._waiting)[: self._model.most_at_once]
        if not ids:
            return []
        answers = self._model.run([self._waiting.pop(id) for id in ids])
        return [
            StepOutput(id, Read(done.text), done.tokens, done.finish_reason, 0, result=done.result)
            for id, done in zip(ids, answers, strict=True)
        ]

    def counts(self) -> tuple[int, int]:
        """As `StepEngine.counts`: between two steps, none runs."""
        return 0, len(self._waiting)

    def kv_cache_usage(self) -> float:
        """As `StepEngine.kv_cache_usage`: there is none."""
        return 0.0

    def sleep(self, *, is_asleep: bool) -> None:
        """Never asked for: `Engine.can_sleep` is false."""

    def load_adapter(self, slot: Slot) -> None:
        """Never called: this engine takes none."""

    def unload_adapter(self, slot: Slot) -> None:
        """Never called: this engine takes none."""
