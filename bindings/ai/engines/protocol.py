"""What a task asks of an engine, and what an engine answers. Every engine, real or scripted, keeps this contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = [
    "Adapter",
    "Engine",
    "EngineChunk",
    "EngineRequest",
    "EngineState",
    "EngineStats",
    "FinishReason",
    "Message",
    "SamplingParams",
    "TokenLogprob",
]

#: `stop`: the model ended, or a stop string was met. `length`: `max_tokens` reached. `abort`: the reader closed.
FinishReason = Literal["stop", "length", "abort", "error"]

#: `cold`: never loaded, or unloaded. `loading`: the host starts. `warm`: answers at once. `failed`: the last load
#: failed; the next call tries again.
EngineState = Literal["cold", "loading", "warm", "failed"]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation, as the chat template sees it."""

    role: str
    content: str


class SamplingParams(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How tokens are drawn, in ranges that every engine accepts (tasks map Cloudflare's wider ones).

    `None` means the engine's default. `max_tokens` counts output tokens.
    """

    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    #: The answer ends before the first of these; none may be empty.
    stop: tuple[str, ...] = ()
    #: Token id -> what is added to its logit, from -100 to 100.
    logit_bias: dict[int, float] | None = None
    #: How many of the likeliest tokens to report for each place, 0 to 20, besides the drawn one. None reports nothing.
    logprobs: int | None = None
    #: A JSON Schema as text: only tokens that keep the answer on the way to a document of this schema are drawn.
    json_schema: str | None = None


class Adapter(msgspec.Struct, frozen=True):
    """A LoRA adapter: its public name, and its folder in PEFT format on this machine."""

    name: str
    path: str


class EngineRequest(msgspec.Struct, frozen=True):
    """One generation.

    Exactly one of `prompt` (text that goes to the model as it is; the tokenizer's beginning-of-sequence token is added
    unless the text starts with it) and `messages` (rendered with the model's chat template) is given.
    """

    sampling: SamplingParams
    prompt: str | None = None
    messages: tuple[Message, ...] | None = None
    adapter: Adapter | None = None


class TokenLogprob(msgspec.Struct, frozen=True, array_like=True):
    """A drawn token, and the natural logarithm of its probability."""

    token: str
    logprob: float
    #: The likeliest tokens for this place, likeliest first. The drawn one is among them, beyond the number asked for
    #: if need be.
    top: tuple[tuple[str, float], ...] = ()


class EngineChunk(msgspec.Struct, frozen=True, array_like=True):
    """What one engine step gave one request. `text` is the new part; it may be empty while tokens are held back."""

    text: str
    #: Output tokens in this chunk. Count these, never the chunks.
    tokens: int
    #: Set on the last chunk only.
    finish_reason: FinishReason | None = None
    #: Set on the first chunk only.
    prompt_tokens: int | None = None
    #: Prompt tokens that the prefix cache held; set on the first chunk only.
    cached_tokens: int = 0
    #: One for each of `tokens`, where the request asks for them.
    logprobs: tuple[TokenLogprob, ...] = ()


class EngineStats(Protocol):
    """Counts of one moment, by the engine's own scheduler."""

    @property
    def running(self) -> int:
        """Requests in the batch."""
        ...

    @property
    def waiting(self) -> int:
        """Requests that wait for a place in the batch."""
        ...

    @property
    def peak_running(self) -> int:
        """The largest batch so far."""
        ...


class Engine(Protocol):
    """Answers requests for one model."""

    def generate(self, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
        """Stream decoded text for one request, loading the model first if need be.

        Yields at least one chunk; only the last has `finish_reason` set, only the first `prompt_tokens`.
        Cancel: closing the generator aborts the request in the engine; so does cancelling the task that reads it.
        Raises: before the first chunk ContextOverflow, InputError, JsonModeUnmet, LoraNotFound, EngineOverloaded or
        EngineUnavailable; EngineDead at any point.
        """
        ...

    @property
    def state(self) -> EngineState:
        """The state that the next call meets."""
        ...

    @property
    def pid(self) -> int | None:
        """The process that holds the model; None while there is none, or when it is this one."""
        ...

    async def stats(self) -> EngineStats:
        """What the engine counts now; zeros while nothing is loaded. Raises EngineDead."""
        ...

    async def close(self) -> None:
        """Stop the engine and free its memory. Open generations raise EngineDead. Idempotent."""
        ...
