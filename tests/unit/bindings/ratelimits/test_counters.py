"""Counting by namespace, period and key, in windows of the clock."""

from __future__ import annotations

import asyncio

import pytest

from paddock.bindings.binding import FetchRequest
from paddock.bindings.ratelimits.binding import Counters, RateLimitBinding, RateLimitSettings


class Clock:
    """Seconds since 1970, as a test sets them."""

    now_s = 600.0

    def __call__(self) -> float:
        return self.now_s


def test_a_key_is_let_through_until_its_window_is_full() -> None:
    counters = Counters(Clock())
    assert [counters.take("a", 2, 60) for _ in range(3)] == [True, True, False]
    assert counters.take("b", 2, 60), "keys do not share a counter"
    assert counters.take("a", 2, 10), "periods do not share a counter"
    assert counters.take("a", 3, 60), "a limit is what a count is held against, and no part of it"


def test_windows_are_those_of_the_clock() -> None:
    clock = Clock()
    counters = Counters(clock)
    clock.now_s = 659.9
    assert [counters.take("a", 1, 60), counters.take("a", 1, 60)] == [True, False]
    clock.now_s = 660.0
    assert counters.take("a", 1, 60)


def test_counters_of_past_windows_are_forgotten() -> None:
    clock = Clock()
    counters = Counters(clock)
    for number in range(100):
        counters.take(str(number), 1, 10)
    clock.now_s += 10
    counters.take("a", 1, 10)
    assert counters._windows[10][1] == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"key": 1}', b'{"period": 11}'])
def test_what_is_no_order_is_a_400(body: bytes) -> None:
    """The isolate checks what handlers give it; what comes here by other ways is refused, too."""
    binding = RateLimitBinding(RateLimitSettings(Counters(), 1, 60))
    assert asyncio.run(binding.fetch(FetchRequest("POST", "http://ratelimit/limit", (), body))).status == 400
