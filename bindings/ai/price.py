"""What a call would have cost in production: neurons and dollars, from the model's `price` property.

Source: developer docs, "Pricing": 1,000 neurons cost 0.011 USD; units as in Cloudflare's model files (WA-009).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard

__all__ = ["USD_PER_NEURON", "Cost", "TokenPrice", "token_price"]

USD_PER_NEURON: Final = 0.011 / 1000
_MILLION: Final = 1_000_000
#: Unit in a model file -> field of TokenPrice.
_UNITS: Final = {
    "per M input tokens": "prompt_usd",
    "per M output tokens": "completion_usd",
    "per M cached input tokens": "cached_usd",
    "per audio minute": "minute_usd",
}


class Cost(NamedTuple):
    """An estimate in both of Cloudflare's units."""

    usd: float

    @property
    def neurons(self) -> float:
        return self.usd / USD_PER_NEURON


class TokenPrice(msgspec.Struct, frozen=True):
    """US dollars for a million tokens of each kind, and for recordings."""

    prompt_usd: float = 0.0
    completion_usd: float = 0.0
    #: For prompt tokens that the prefix cache held; None: as any other prompt token.
    cached_usd: float | None = None
    #: For a minute of a recording.
    minute_usd: float = 0.0

    def cost(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0, audio_s: float = 0.0) -> Cost:
        """The cost of one call. `cached_tokens` are part of `prompt_tokens`."""
        cached_usd = self.prompt_usd if self.cached_usd is None else self.cached_usd
        prompt = (prompt_tokens - cached_tokens) * self.prompt_usd + cached_tokens * cached_usd
        tokens_usd = (prompt + completion_tokens * self.completion_usd) / _MILLION
        return Cost(tokens_usd + audio_s / 60 * self.minute_usd)


class _Row(msgspec.Struct):
    unit: str
    price: float
    currency: str


def token_price(card: ModelCard) -> TokenPrice | None:
    """The model's price by tokens; None when its file has none, or one that is not wholly in dollars and tokens."""
    value = card.value_of("price")
    if value is None:
        return None
    try:
        rows = msgspec.convert(value, list[_Row])
    except msgspec.ValidationError:
        return None
    if not rows or any(row.unit not in _UNITS or row.currency != "USD" for row in rows):
        return None
    return TokenPrice(**{_UNITS[row.unit]: row.price for row in rows})
