"""What we want to reach, as numbers: ratios within a round, for streams of a closed loop.

Both peers are measured always: `vllm serve` as users type it (mp), and its best form (uni).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["PASSED_ON", "TARGETS", "Target"]


class Target(NamedTuple):
    """One row. `bounds` maps numbers of streams to what is wanted there; 0 stands for every other number."""

    text: str
    contender: str
    peer: str
    #: As `table.value` takes it.
    name: str
    bounds: Mapping[int, float]
    is_floor: bool = False


TARGETS: Final = (
    Target("tok/s, REST to mp", "rest", "vllm-mp", "tokens_per_s", {0: 1.2, 32: 1.15}, is_floor=True),
    Target(
        "tok/s, REST to uni",
        "rest",
        "vllm-uni",
        "tokens_per_s",
        {1: 1.15, 8: 1.1, 32: 1.08, 64: 1.08, 128: 1.03},
        is_floor=True,
    ),
    Target("tok/s, handler to mp", "handler", "vllm-mp", "tokens_per_s", {0: 1.15}, is_floor=True),
    Target("tok/s, handler to uni", "handler", "vllm-uni", "tokens_per_s", {0: 1.0}, is_floor=True),
    Target("tok/s, REST to AsyncLLM", "rest", "async", "tokens_per_s", {0: 0.88}, is_floor=True),
    Target("tok/s, REST to LLMEngine", "rest", "llm", "tokens_per_s", {0: 0.8}, is_floor=True),
    Target("TTFT p50, REST to uni", "rest", "vllm-uni", "ttft p50", {1: 0.65, 0: 0.55}),
    Target("TTFT p50, handler to uni", "handler", "vllm-uni", "ttft p50", {0: 0.65}),
    Target("TTFT p95, REST to uni", "rest", "vllm-uni", "ttft p95", {1: 0.9, 0: 0.8}),
    Target("TTFT p95, handler to uni", "handler", "vllm-uni", "ttft p95", {1: 0.9, 0: 0.8}),
    Target("CPU of the front, REST to uni", "rest", "vllm-uni", "cpu front", {0: 0.35}),
    Target("CPU of the front, handler to uni", "handler", "vllm-uni", "cpu front", {0: 0.35}),
    Target("CPU of all, REST to uni", "rest", "vllm-uni", "cpu", {0: 0.85}),
    Target("CPU of all, handler to uni", "handler", "vllm-uni", "cpu", {0: 0.85}),
)
#: Seconds of CPU that 1,000 tokens of a stream cost the isolate that hands it on unread.
PASSED_ON: Final = 0.0005
