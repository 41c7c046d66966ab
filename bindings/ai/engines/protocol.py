"""What a task asks of an engine, and what an engine answers. Every engine, real or scripted, keeps this contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from paddock.bindings.ai.engines.work import Result, Work  # noqa: TC001 -- msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

__all__ = [
    "Adapter",
    "CallDelta",
    "CalledTool",
    "Engine",
    "EngineChunk",
    "EngineRequest",
    "EngineState",
    "EngineStats",
    "FinishReason",
    "Message",
    "Picture",
    "SamplingParams",
    "TokenLogprob",
    "Tool",
    "ToolUse",
    "joined",
]

#: `stop`: the model ended, or a stop string was met. `length`: `max_tokens` reached. `abort`: the reader closed.
FinishReason = Literal["stop", "length", "abort", "error"]

#: `cold`: never loaded, or unloaded. `loading`: the host starts. `warm`: answers at once. `failed`: the last load
#: failed; the next call tries again.
EngineState = Literal["cold", "loading", "warm", "failed"]


class CalledTool(msgspec.Struct, frozen=True):
    """A call that an assistant made in an earlier turn."""

    id: str
    name: str
    #: A JSON object as text.
    arguments: str


class Picture(msgspec.Struct, frozen=True):
    """A picture in a turn: a whole file, and before which character of the turn's text it stands."""

    data: bytes
    at: int = 0


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation, as the chat template sees it."""

    role: str
    #: All of its text, without the pictures.
    content: str
    #: What an assistant called, and thought, in this turn.
    tool_calls: tuple[CalledTool, ...] = ()
    reasoning: str = ""
    #: Which call a tool's message answers.
    tool_call_id: str | None = None
    name: str | None = None
    #: In their order; only for a model that sees.
    pictures: tuple[Picture, ...] = ()

    @property
    def parts(self) -> tuple[str | Picture, ...]:
        """Text and pictures in the order in which they stand; no text is empty."""
        found: list[str | Picture] = []
        begun = 0
        for picture in self.pictures:
            found += [self.content[begun : picture.at], picture]
            begun = picture.at
        return tuple(part for part in (*found, self.content[begun:]) if part != "")


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function that the model may call. `parameters` is the JSON Schema of its arguments, as text."""

    name: str
    description: str
    parameters: str


class ToolUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The tools of one request. The template shows all of them to the model."""

    tools: tuple[Tool, ...]
    #: The answer is calls and nothing else; otherwise the model decides.
    is_forced: bool = False
    #: Where calls are forced: the one tool that may be called. None allows each.
    only: str | None = None
    #: Where calls are forced: how many there may be. None sets no limit.
    most: int | None = None


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
    """A LoRA adapter: its public name, and its folder in PEFT format on the machine that runs the model.

    Without a folder it is one that a server has already.
    """

    name: str
    path: str


class EngineRequest(msgspec.Struct, frozen=True):
    """One generation, or other work.

    Exactly one of `prompt` (text that goes to the model as it is; the tokenizer's beginning-of-sequence token is added
    unless the text starts with it), `messages` (rendered with the model's chat template) and `work` is given.
    """

    sampling: SamplingParams
    prompt: str | None = None
    messages: tuple[Message, ...] | None = None
    adapter: Adapter | None = None
    #: Only with `messages`, and only for a model whose engine can read calls.
    tool_use: ToolUse | None = None
    #: Variables of the chat template, such as `enable_thinking`; a template takes no notice of those it does not know.
    template_variables: dict[str, bool | int | float | str] = {}
    #: Nobody reads the answer before it is complete: an engine may join all chunks but the first.
    is_whole: bool = False
    #: Nobody waits for it: requests that somebody waits for go first.
    is_patient: bool = False
    #: What is no generation; its answer is one chunk with a `result`.
    work: Work | None = None


class CallDelta(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a tool call."""

    #: Which call of the answer, from 0.
    index: int
    #: On the first piece of each call, and only there.
    name: str | None
    #: The next characters of the arguments' JSON text.
    arguments: str


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
    #: Set on the first chunk only; on the last, by a server that counts no earlier.
    prompt_tokens: int | None = None
    #: Prompt tokens that the prefix cache held; set on the first chunk only; on the last, by a server.
    cached_tokens: int = 0
    #: One for each of `tokens`, where the request asks for them.
    logprobs: tuple[TokenLogprob, ...] = ()
    #: The new part of what the model thinks before it answers; never part of `text`.
    reasoning: str = ""
    #: The new pieces of tool calls, in order; never part of `text`.
    calls: tuple[CallDelta, ...] = ()
    #: The next chunk is there already: what this one becomes may wait and leave in one write with that. Never set on
    #: the last chunk.
    is_followed: bool = False
    #: What the request's `work` came to.
    result: Result | None = None


def joined(chunks: Sequence[EngineChunk]) -> EngineChunk:
    """Chunks of one request that follow each other, at least one, as one."""
    return EngineChunk(
        "".join([chunk.text for chunk in chunks]),
        sum(chunk.tokens for chunk in chunks),
        chunks[-1].finish_reason,
        chunks[0].prompt_tokens,
        chunks[0].cached_tokens,
        tuple(logprob for chunk in chunks for logprob in chunk.logprobs),
        "".join([chunk.reasoning for chunk in chunks]),
        tuple(call for chunk in chunks for call in chunk.calls),
        result=chunks[-1].result,
    )


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
    def kv_cache_usage(self) -> float:
        """Share of the KV cache that is taken, 0 to 1."""
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
        Raises: before the first chunk ContextOverflow, TextTooLong, InputError, InvalidImage, OptionUnsupported (tools
        or pictures for a model that takes none, work of a kind that it does not do), JsonModeUnmet, LoraNotFound,
        EngineOverloaded or EngineUnavailable; EngineDead at any point.
        """
        ...

    @property
    def state(self) -> EngineState:
        """The state that the next call meets."""
        ...

    @property
    def starts(self) -> int:
        """How many times the engine was started so far; tells the failures of one start from those of the next."""
        ...

    async def load(self) -> object:
        """Start the engine unless it runs, and return when it is warm. Raises EngineUnavailable."""
        ...

    @property
    def phase(self) -> str:
        """What the load is at; empty when none is under way."""
        ...

    @property
    def context_tokens(self) -> int | None:
        """Prompt and answer together, in tokens; None while nothing is loaded."""
        ...

    @property
    def can_sleep(self) -> bool:
        """True when `sleep` frees memory of the device."""
        ...

    async def sleep(self) -> None:
        """Take the weights off the device, keeping them in memory. Only when no generation is open."""
        ...

    async def wake(self) -> None:
        """Undo `sleep`. Raises EngineDead."""
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
