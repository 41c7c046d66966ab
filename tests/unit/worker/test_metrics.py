import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.ai.price import TokenPrice
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import find_weights
from paddock.bindings.binding import CallRecord
from paddock.worker.metrics import Metrics

PHI, LLAMA = "@cf/microsoft/phi-2", "@cf/meta/llama-2-7b-chat-fp16"

Samples = dict[tuple[str, ...], float]


def _read(metrics: Metrics, service: AiService) -> Samples:
    text = asyncio.run(metrics.text(service)).decode()
    return {
        (sample.name, sample.labels.pop("model_name"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def service(metrics: Metrics) -> AiService:
    pool = EnginePool(find_weights, lambda card, weights: ScriptedEngine(["one two three"] * 9))
    return AiService(Catalog.read([SHIPPED_CATALOG]), pool, on_end=metrics.add)


def test_calls_are_counted_by_model(metrics: Metrics, service: AiService) -> None:
    """DT-128"""

    async def main() -> None:
        for _ in range(2):
            await service.run(PHI, {"prompt": "a b"}, [])

    asyncio.run(main())
    samples = _read(metrics, service)
    assert samples["vllm:prompt_tokens_total", PHI] == 4
    assert samples["vllm:generation_tokens_total", PHI] == 6
    assert samples["vllm:request_success_total", PHI, "stop"] == 2
    assert samples["paddock_ai_calls_total", PHI, "ok"] == 2
    assert samples["vllm:time_to_first_token_seconds_count", PHI] == 2
    assert samples["vllm:e2e_request_latency_seconds_bucket", PHI, "+Inf"] == 2


def test_failures_are_counted_by_code_and_have_no_latency(metrics: Metrics, service: AiService) -> None:
    metrics.add(CallRecord(PHI, outcome="engine_dead", price=TokenPrice(0.011, 0.0), prompt_tokens=1_000_000))
    samples = _read(metrics, service)
    assert samples["paddock_ai_calls_total", PHI, "engine_dead"] == 1
    assert samples["vllm:e2e_request_latency_seconds_count", PHI] == 0
    assert samples["paddock_neurons_total", PHI] == pytest.approx(1000)


def test_buckets_count_what_is_at_most_their_bound(metrics: Metrics, service: AiService) -> None:
    for ttft_s in (0.005, 0.0051, 1000.0):
        metrics.add(CallRecord(PHI, ttft_s=ttft_s))
    samples = _read(metrics, service)
    counts = [samples["vllm:time_to_first_token_seconds_bucket", PHI, bound] for bound in ("0.001", "0.005", "0.01")]
    assert counts == [0, 1, 2]
    assert samples["vllm:time_to_first_token_seconds_bucket", PHI, "160.0"] == 2


def test_engines_are_asked_for_what_is_so_now(metrics: Metrics, service: AiService) -> None:
    """DT-128"""
    asyncio.run(service.run(PHI, {"prompt": "a"}, []))
    samples = _read(metrics, service)
    assert samples["vllm:num_requests_running", PHI] == 0
    assert samples["paddock_model_state", PHI, "warm"] == 1
    assert samples["paddock_model_state", PHI, "cold"] == 0
    assert not any(LLAMA in name for name in samples)
