"""The rate limiting binding: `[[ratelimits]]` in the configuration, `await env.NAME.limit({"key": "..."})`.

Windows are aligned to the clock, and a counter belongs to a namespace, a period and a key, as in production; the limit
is what a count is held against. Source: developer docs, "Rate limiting"; Miniflare, workers/ratelimit.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Self

import msgspec

from paddock.bindings.binding import FetchResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.binding import BindingContext, FetchRequest

__all__ = ["Counters", "RateLimitBinding", "RateLimitSettings"]

#: Keys have no limit in production; this is for the request as a whole.
_MAX_ORDER_BYTES: Final = 1024 * 1024


class Counters:
    """The counts of one namespace, which bindings may share: in memory, those of the current windows only.

    `now` tells the time in seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._windows: dict[float, tuple[int, dict[str, int]]] = {}

    def take(self, key: str, limit: float, period_s: float) -> bool:
        """Count one more for a key, unless its window has `limit` already: then False."""
        window = int(self._now() // period_s)
        started, counts = self._windows.get(period_s, (window, {}))
        if started != window:
            counts = {}
        self._windows[period_s] = (window, counts)
        if counts.get(key, 0) >= limit:
            return False
        counts[key] = counts.get(key, 0) + 1
        return True


class RateLimitSettings(msgspec.Struct, frozen=True):
    """What the configuration says of a binding: how often a key may come in a period, in seconds."""

    counters: Counters
    limit: float
    period: float


class _Order(msgspec.Struct, frozen=True):
    """The body of a request; what it leaves out is the configuration's."""

    key: str = ""
    limit: float | None = None
    period: Literal[10, 60] | None = None


class RateLimitBinding:
    """`POST /limit` answers `{"success": true}` until a key is over its limit."""

    kind: ClassVar[str] = "ratelimit"

    def __init__(self, settings: RateLimitSettings) -> None:
        self._settings = settings

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The binding that `context.settings` describes."""
        assert isinstance(context.settings, RateLimitSettings), "the configuration's reader makes these"
        return cls(context.settings)

    async def close(self) -> None:
        """It holds nothing."""

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Count one call."""
        try:
            order = msgspec.json.decode(await request.read(_MAX_ORDER_BYTES), type=_Order)
        except msgspec.DecodeError as error:
            return FetchResponse(400, body=f"expected an object with a key: {error}".encode())
        limit = self._settings.limit if order.limit is None else order.limit
        is_within = self._settings.counters.take(order.key, limit, order.period or self._settings.period)
        return FetchResponse(200, (("content-type", "application/json"),), msgspec.json.encode({"success": is_within}))
