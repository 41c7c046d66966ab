"""Text generation, native shape: prompt or messages in, `response` and `usage` out."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai import sse
from paddock.bindings.ai.engines.protocol import EngineRequest, Message, SamplingParams
from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import Adapter, EngineChunk

__all__ = ["DEFAULT_MAX_TOKENS", "TextGeneration"]

#: Used where a schema has no default of its own. Source: release notes of 2025-02-21; WA-045.
DEFAULT_MAX_TOKENS: Final = 256
#: vLLM refuses more, the schemas allow up to 5.
_HIGHEST_TEMPERATURE: Final = 2.0
_HIGHEST_PENALTY: Final = 2.0
_SEED_BITS: Final = 63
#: Inputs of later schema stages that change what an answer is. A model that declares one must not have it ignored.
_NOT_SERVED: Final = ("tools", "functions", "response_format", "guided_json", "requests")


class _Turn(msgspec.Struct):
    role: str
    content: str


class _Inputs(msgspec.Struct):
    """The inputs after the schema check. Early schemas do not declare the sampling parameters: they get types here."""

    prompt: str | None = None
    messages: list[_Turn] | None = None
    #: A string in some documented LoRA examples, beside `messages`, where early schemas do not declare it.
    raw: bool | str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


class TextGeneration:
    """Adapter of the task `Text Generation`."""

    def prepare(self, card: ModelCard, inputs: Mapping[str, object], adapter: Adapter | None) -> EngineRequest:
        """The engine request for checked inputs. Raises InputError for what the schema let through and no engine."""
        for name in _NOT_SERVED:
            if inputs.get(name) and card.declares_input(name):
                raise OptionUnsupported(f"{name}: not served by Paddock yet; leave it out to get plain text")
        given = _typed(inputs)
        sampling = _sampling(given)
        is_raw = given.raw is True or given.raw == "true"
        if given.messages is None:
            text = given.prompt or ""
            if is_raw:
                return EngineRequest(sampling, prompt=text, adapter=adapter)
            return EngineRequest(sampling, messages=(Message("user", text),), adapter=adapter)
        if is_raw:
            joined = "\n".join(turn.content for turn in given.messages)
            return EngineRequest(sampling, prompt=joined, adapter=adapter)
        if not given.messages:
            raise InputError("Error: messages: expected at least one message; got an empty list")
        turns = tuple(Message(turn.role, turn.content) for turn in given.messages)
        return EngineRequest(sampling, messages=turns, adapter=adapter)

    async def collect(self, chunks: AsyncGenerator[EngineChunk, None]) -> dict[str, object]:
        """The whole answer: `{"response": text, "usage": {...}}`."""
        usage = _Usage()
        pieces = []
        async with aclosing(chunks):
            async for chunk in chunks:
                usage.add(chunk)
                pieces.append(chunk.text)
        return {"response": "".join(pieces), "usage": usage.totals()}

    async def stream(self, chunks: AsyncGenerator[EngineChunk, None]) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent events: one frame per piece of text, then the usage frame, then `[DONE]`."""
        usage = _Usage()
        index = 0
        async with aclosing(chunks):
            async for chunk in chunks:
                usage.add(chunk)
                events = b""
                if chunk.text:
                    events = sse.native_frame(chunk.text, index)
                    index += 1
                if chunk.finish_reason is not None:
                    events += sse.usage_frame(usage.totals()) + sse.DONE
                if events:
                    yield events


class _Usage:
    """Token counts of one generation, as chunks report them."""

    def __init__(self) -> None:
        self._prompt = 0
        self._completion = 0

    def add(self, chunk: EngineChunk) -> None:
        self._prompt = chunk.prompt_tokens or self._prompt
        self._completion += chunk.tokens

    def totals(self) -> dict[str, int]:
        return {
            "prompt_tokens": self._prompt,
            "completion_tokens": self._completion,
            "total_tokens": self._prompt + self._completion,
        }


def _typed(inputs: Mapping[str, object]) -> _Inputs:
    # JavaScript has one kind of number: 20.0 is an integer there, and the schema check takes it for one.
    whole = {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in inputs.items()}
    try:
        return msgspec.convert(whole, _Inputs)
    except msgspec.ValidationError as error:
        raise InputError(f"Error: {error}") from error


def _sampling(given: _Inputs) -> SamplingParams:
    """Cloudflare's ranges mapped to what every engine takes. Source: engine's own limits; README, fidelity table."""
    max_tokens = DEFAULT_MAX_TOKENS if given.max_tokens is None else given.max_tokens
    if max_tokens < 1:
        raise InputError(f"Error: max_tokens: expected an integer of at least 1; got {max_tokens}")
    if given.seed is not None and given.seed.bit_length() > _SEED_BITS:
        raise InputError(f"Error: seed: expected an integer that fits 64 bits; got {given.seed}")
    # A nucleus of nothing still holds the likeliest token: that is greedy decoding.
    is_greedy = given.temperature == 0 or given.top_p == 0
    return SamplingParams(
        max_tokens=max_tokens,
        temperature=0.0 if is_greedy else _capped(given.temperature, _HIGHEST_TEMPERATURE),
        top_p=None if is_greedy else _capped(given.top_p, 1.0),
        top_k=None if is_greedy else given.top_k,
        seed=given.seed,
        repetition_penalty=given.repetition_penalty or None,
        frequency_penalty=_capped(given.frequency_penalty, _HIGHEST_PENALTY),
        presence_penalty=_capped(given.presence_penalty, _HIGHEST_PENALTY),
    )


def _capped(value: float | None, highest: float) -> float | None:
    return None if value is None else min(value, highest)
