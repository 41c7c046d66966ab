"""What a vLLM server counts, read from its Prometheus text."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["Gauges", "read_gauges"]

#: One row per engine of the server. Source: vllm/v1/metrics/loggers.py.
_ROW: Final = re.compile(
    rb"^vllm:(num_requests_running|num_requests_waiting|kv_cache_usage_perc)(?:\{[^\n]*\})?\s+([0-9.eE+-]+)\s*$", re.M
)


class Gauges(NamedTuple):
    """Of one moment, over all engines of a server."""

    #: Requests in the batches, and those that wait for a place.
    running: int
    waiting: int
    #: Mean of the engines' shares, 0 to 1.
    kv_cache_usage: float


def read_gauges(text: bytes) -> Gauges | None:
    """The counts; None for metrics of something else than vLLM."""
    rows = [(name, float(value)) for name, value in _ROW.findall(text)]
    if not rows:
        return None
    running, waiting, usage = (
        [value for name, value in rows if name == key]
        for key in (b"num_requests_running", b"num_requests_waiting", b"kv_cache_usage_perc")
    )
    return Gauges(int(sum(running)), int(sum(waiting)), sum(usage) / len(usage) if usage else 0.0)
