"""What Prometheus reads of a running dev server: vLLM's names where vLLM counts the same, ours for the rest.

Counted where calls end, and asked of the engines at each reading, so that a call pays next to nothing for it. Times
begin when the call comes: unlike vLLM's own, they hold the wait for a load.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, get_args

from paddock.bindings.ai.engines.lifecycle import LifeState
from paddock.bindings.ai.listing import statuses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import CallRecord

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_TTFT_S: Final = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160)
_WHOLE_S: Final = (0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240)
_STATES: Final = ("absent", *get_args(LifeState))


class _Histogram:
    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and how many were at most that, as Prometheus has them."""
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return [(bound, float(sum(self._counts[: index + 1]))) for index, bound in enumerate(bounds)]


class _Tally:
    """One model's calls so far."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.prompt_tokens = self.completion_tokens = self.cached_tokens = 0
        self.neurons = 0.0
        self.ttft, self.whole = _Histogram(_TTFT_S), _Histogram(_WHOLE_S)


class Metrics:
    """Counts ended calls, by model."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}

    def add(self, record: CallRecord) -> None:
        """Take in a call that has ended."""
        tally = self._tallies.get(record.model)
        if tally is None:
            tally = self._tallies[record.model] = _Tally()
        tally.outcomes[record.outcome] += 1
        tally.prompt_tokens += record.prompt_tokens
        tally.completion_tokens += record.completion_tokens
        tally.cached_tokens += record.cached_tokens
        if record.cost is not None:
            tally.neurons += record.cost.neurons
        if record.ttft_s is not None:
            tally.ttft.add(record.ttft_s)
        if record.outcome == "ok":
            tally.reasons[record.finish_reason] += 1
            tally.whole.add(record.duration_s)

    async def text(self, service: AiService) -> bytes:
        """Everything, in Prometheus' text form."""
        from prometheus_client import CollectorRegistry, generate_latest  # 60 ms, which a server without readers saves

        models = await statuses(service, is_short=True)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected([*self._counted(), *_asked(models)]))
        return generate_latest(registry)

    def _counted(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        for name, text, attribute in (
            ("vllm:prompt_tokens", "Prompt tokens of ended calls.", "prompt_tokens"),
            ("vllm:generation_tokens", "Tokens that were generated for them.", "completion_tokens"),
            ("vllm:prefix_cache_hits", "Prompt tokens that the prefix cache held.", "cached_tokens"),
            ("paddock_neurons", "Neurons that the calls would have cost in production.", "neurons"),
        ):
            counter = CounterMetricFamily(name, text, labels=["model_name"])
            for model, tally in self._tallies.items():
                counter.add_metric([model], getattr(tally, attribute))
            yield counter
        for name, text, attribute, label in (
            ("vllm:request_success", "Calls that were answered, by finish reason.", "reasons", "finished_reason"),
            ("paddock_ai_calls", "Calls that reached an engine, by outcome or error code.", "outcomes", "outcome"),
        ):
            counter = CounterMetricFamily(name, text, labels=["model_name", label])
            for model, tally in self._tallies.items():
                for value, count in getattr(tally, attribute).items():
                    counter.add_metric([model, value], count)
            yield counter
        for name, text, attribute in (
            ("vllm:time_to_first_token_seconds", "From the call to its first token.", "ttft"),
            ("vllm:e2e_request_latency_seconds", "From the call to its end, where it was answered.", "whole"),
        ):
            histogram = HistogramMetricFamily(name, text, labels=["model_name"])
            for model, tally in self._tallies.items():
                counted: _Histogram = getattr(tally, attribute)
                histogram.add_metric([model], counted.buckets(), counted.sum)
            yield histogram


def _asked(models: dict[str, dict[str, object]]) -> Iterator[Any]:
    """What is so now, of models that were asked for."""
    from prometheus_client.core import GaugeMetricFamily

    for name, text, key in (
        ("vllm:num_requests_running", "Requests in the batch.", "running"),
        ("vllm:num_requests_waiting", "Requests that wait for a place in it.", "waiting"),
        ("vllm:kv_cache_usage_perc", "Share of the KV cache that is taken, 0 to 1.", "kv_cache_usage"),
        ("paddock_model_calls", "Open calls, those that wait for the model included.", "calls"),
        ("paddock_model_memory_bytes", "Memory of the engine's process, shared pages in part.", "memory_bytes"),
    ):
        gauge = GaugeMetricFamily(name, text, labels=["model_name"])
        for model, status in models.items():
            value = status.get(key)
            if isinstance(value, int | float):
                gauge.add_metric([model], value)
        yield gauge
    states = GaugeMetricFamily("paddock_model_state", "1 for the state of the model.", labels=["model_name", "state"])
    for model, status in models.items():
        for state in _STATES:
            states.add_metric([model, state], float(status["state"] == state))
    yield states


class _Collected:
    """Families that are made already, as a collector."""

    def __init__(self, families: Sequence[Any]) -> None:
        self._families = families

    def collect(self) -> Sequence[Any]:
        return self._families
