"""How long models stay, how many there may be, and how long a call waits: what an operator decides."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

__all__ = ["FOREVER", "LifePolicy", "parse_keep_alive"]

#: A model that is kept for this long is kept until somebody unloads it.
FOREVER: Final = float("inf")
#: Three decades: longer ones are as good as that.
_LONGEST_S: Final = 1e9

_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"-?(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


class LifePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of every model of a pool. Times in seconds; None is no limit."""

    #: From the end of a model's last call until it is unloaded. 0 unloads at once, FOREVER never.
    keep_alive_s: float = 300.0
    #: From the end of the last call until the weights leave the device for the machine's memory, where the engine can.
    sleep_after_s: float | None = None
    #: Models that are loaded at once; one more takes the place of the one that was used least recently.
    max_loaded: int | None = None
    #: Sum of the concurrency costs of the calls that run at once, over all models.
    concurrency: int | None = None
    #: What a call of a model that is not loaded meets: it waits, or it is refused while the load begins.
    on_cold: Literal["wait", "reject"] = "wait"
    #: For room and for its turn, before the model is there.
    queue_timeout_s: float | None = 300.0
    #: From its turn until its first token.
    first_token_timeout_s: float | None = None
    #: From its turn until its end.
    total_timeout_s: float | None = None


def parse_keep_alive(value: float | str) -> float:
    """Seconds, in the forms that Ollama takes: a number of seconds, or `5m`, `1h30m`, `500ms`; below zero is FOREVER.

    Raises ValueError. Source: Ollama's FAQ, "How do I keep a model loaded in memory".
    """
    if isinstance(value, str):
        text = value.strip()
        if _DURATION.fullmatch(text):
            seconds = sum(float(count) * _UNITS_S[unit] for count, unit in _PART.findall(text))
            return FOREVER if text.startswith("-") else seconds
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"expected seconds, or a duration such as 5m or 1h30m; got {value!r}") from None
    if value != value:  # not a number
        raise ValueError("expected seconds, or a duration such as 5m or 1h30m; got nan")
    # An integer of hundreds of digits is larger than any float.
    return FOREVER if value < 0 else float(min(value, _LONGEST_S))
