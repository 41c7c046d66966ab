"""Token counts of one call, as chunks report them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import EngineChunk

__all__ = ["Usage"]


class Usage:
    """Adds up the chunks of all choices. Their prompt is one and the same, and counts once."""

    def __init__(self) -> None:
        self._prompt = 0
        self._completion = 0
        self._cached = 0

    def add(self, chunk: EngineChunk) -> None:
        self._prompt = chunk.prompt_tokens or self._prompt
        self._completion += chunk.tokens
        self._cached = max(self._cached, chunk.cached_tokens)

    def totals(self) -> dict[str, int]:
        """The three counts of every shape."""
        return {
            "prompt_tokens": self._prompt,
            "completion_tokens": self._completion,
            "total_tokens": self._prompt + self._completion,
        }

    def detailed(self) -> dict[str, object]:
        """The counts, and how much of the prompt the prefix cache held, as models of 2026 report it."""
        return {**self.totals(), "prompt_tokens_details": {"cached_tokens": self._cached}}
