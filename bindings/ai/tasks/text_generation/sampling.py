"""Cloudflare's ranges mapped to what every engine takes. Source: the engine's own limits; bindings/FIDELITY.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.engines.protocol import SamplingParams
from paddock.bindings.errors import InputError

if TYPE_CHECKING:
    from paddock.bindings.ai.tasks.text_generation.inputs import Inputs

__all__ = ["DEFAULT_MAX_TOKENS", "sampling"]

#: Used where a schema has no default of its own. Source: release notes of 2025-02-21; WA-045.
DEFAULT_MAX_TOKENS: Final = 256
#: vLLM refuses more, the schemas allow up to 5.
_HIGHEST_TEMPERATURE: Final = 2.0
_HIGHEST_PENALTY: Final = 2.0
#: OpenAI's range; beyond it a token is certain or banned anyway.
_HIGHEST_BIAS: Final = 100.0
#: No vocabulary has more tokens than have ids of this length.
_TOKEN_ID: Final = re.compile("[0-9]{1,9}")
#: Wider integers fit into no message to the engine.
_BITS: Final = 63


def sampling(given: Inputs, *, logprobs: int | None = None, json_schema: str | None) -> SamplingParams:
    """How the tokens of one answer are drawn. Raises InputError for what the schema let through and no engine takes."""
    for name, value in (("seed", given.seed), ("top_k", given.top_k), ("max_tokens", _max_tokens(given))):
        if value is not None and value.bit_length() > _BITS:
            raise InputError(f"Error: {name}: expected an integer that fits 64 bits; got one of {value.bit_length()}")
    # A nucleus of nothing still holds the likeliest token: that is greedy decoding.
    is_greedy = given.temperature == 0 or given.top_p == 0
    return SamplingParams(
        max_tokens=_max_tokens(given),
        temperature=0.0 if is_greedy else _capped(given.temperature, _HIGHEST_TEMPERATURE),
        top_p=None if is_greedy else _capped(given.top_p, 1.0),
        top_k=None if is_greedy else given.top_k,
        min_p=None if is_greedy else _capped(given.min_p, 1.0),
        seed=given.seed,
        repetition_penalty=given.repetition_penalty or None,
        frequency_penalty=_capped(given.frequency_penalty, _HIGHEST_PENALTY),
        presence_penalty=_capped(given.presence_penalty, _HIGHEST_PENALTY),
        stop=_stop(given.stop),
        logit_bias=_bias(given.logit_bias),
        logprobs=logprobs,
        json_schema=json_schema,
    )


def _max_tokens(given: Inputs) -> int:
    """`max_completion_tokens` first: where it is given, `max_tokens` is most often the default of the schema."""
    for name, value in (("max_completion_tokens", given.max_completion_tokens), ("max_tokens", given.max_tokens)):
        if value is not None:
            if value < 1:
                raise InputError(f"Error: {name}: expected an integer of at least 1; got {value}")
            return value
    return DEFAULT_MAX_TOKENS


def _capped(value: float | None, highest: float) -> float | None:
    return None if value is None else min(value, highest)


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    strings = () if stop is None else (stop,) if isinstance(stop, str) else tuple(stop)
    if "" in strings:
        raise InputError("Error: stop: expected texts of at least one character; got an empty one")
    return strings


def _bias(given: dict[str, float] | None) -> dict[int, float] | None:
    if not given:
        return None
    wrong = next((key for key in given if not _TOKEN_ID.fullmatch(key)), None)
    if wrong is not None:
        raise InputError(f"Error: logit_bias: expected token ids as keys; got {wrong[:100]!r}")
    return {int(key): max(-_HIGHEST_BIAS, min(_HIGHEST_BIAS, bias)) for key, bias in given.items()}
