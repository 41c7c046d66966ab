"""Token counts of one call, as chunks report them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.bindings.ai.engines.protocol import EngineChunk, FinishReason

__all__ = ["Usage", "gathered"]


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


async def gathered(chunks: AsyncGenerator[EngineChunk, None]) -> tuple[str, FinishReason, Usage]:
    """One choice read to its end: its text, why it ended, and its counts. Closes the chunks on every way out."""
    usage, pieces = Usage(), []
    reason: FinishReason = "stop"
    async with aclosing(chunks):
        async for chunk in chunks:
            usage.add(chunk)
            pieces.append(chunk.text)
            reason = chunk.finish_reason or reason
    return "".join(pieces), reason, usage
