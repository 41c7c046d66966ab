"""One choice of an answer, read to its end; the token counts of a call; and events that leave in one write."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from paddock.bindings.ai.tasks.text_generation.calls import Calls

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.bindings.ai.engines.protocol import EngineChunk, FinishReason, TokenLogprob, ToolUse

__all__ = ["Answer", "Bundle", "Usage", "gathered"]


class Bundle:
    """Events on their way out. Those of chunks that came together leave together: one write in place of several."""

    def __init__(self) -> None:
        self._events = b""

    def add(self, events: bytes, chunk: EngineChunk) -> bytes:
        """What leaves now, the events of this chunk included. Nothing while the next chunk is there already."""
        self._events += events
        if chunk.is_followed:
            return b""
        leaving, self._events = self._events, b""
        return leaving


class Usage:
    """Adds up the chunks of all choices. Their prompt is one and the same, and counts once."""

    def __init__(self) -> None:
        self._prompt = 0
        self._completion = 0
        self._cached = 0
        #: Tokens of chunks that brought thoughts and no text.
        self.reasoning_tokens = 0

    def add(self, chunk: EngineChunk) -> None:
        self._prompt = chunk.prompt_tokens or self._prompt
        self._completion += chunk.tokens
        if chunk.reasoning and not chunk.text:
            self.reasoning_tokens += chunk.tokens
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


class Answer:
    """What is there of one choice. `text` is neither what the model thought nor its calls."""

    def __init__(self, use: ToolUse | None) -> None:
        self.text = ""
        self.reasoning = ""
        self.calls = Calls(use)
        self.logprobs: list[TokenLogprob] = []
        self.finish_reason: FinishReason = "stop"

    @property
    def said(self) -> str:
        """The text beside calls: white space between two markers says nothing."""
        return self.text if self.text.strip() else ""

    def add(self, chunk: EngineChunk) -> None:
        """Take in the next chunk."""
        self.text += chunk.text
        self.reasoning += chunk.reasoning
        self.logprobs += chunk.logprobs
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.calls.add(chunk.calls)


async def gathered(chunks: AsyncGenerator[EngineChunk, None], usage: Usage, use: ToolUse | None = None) -> Answer:
    """One choice read to its end. Closes the chunks on every way out."""
    answer = Answer(use)
    async with aclosing(chunks):
        async for chunk in chunks:
            usage.add(chunk)
            answer.add(chunk)
    return answer
