import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from paddock.bindings.binding import CallRecord
from paddock.worker.tracing import ENDPOINT, Tracing, from_environment

PHI = "@cf/microsoft/phi-2"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    return Tracing(SimpleSpanProcessor(exporter))


def test_a_request_is_a_span_with_one_for_each_call(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    call = CallRecord(PHI, prompt_tokens=3, completion_tokens=5, ttft_s=0.1, duration_s=0.5, finish_reason="stop")
    tracing.record("GET", "/ask", 200, 1.0, {}, [call])
    inner, outer = exporter.get_finished_spans()
    assert (outer.name, outer.attributes["http.response.status_code"]) == ("GET /ask", 200)
    assert outer.end_time - outer.start_time == 1_000_000_000
    assert inner.parent.span_id == outer.context.span_id
    assert inner.end_time - inner.start_time == 500_000_000
    assert inner.attributes["gen_ai.request.model"] == PHI
    assert inner.attributes["gen_ai.usage.output_tokens"] == 5
    assert inner.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert [event.timestamp - inner.start_time for event in inner.events] == [100_000_000]


def test_a_request_belongs_to_the_trace_that_it_names(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    tracing.record("GET", "/", 200, 0.1, {"traceparent": f"00-{trace_id}-{span_id}-01"}, [])
    (span,) = exporter.get_finished_spans()
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (trace_id, span_id)


def test_failures_are_marked(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    tracing.record(
        "GET", "/", 500, 0.1, {}, [CallRecord(PHI, outcome="engine_dead"), CallRecord(PHI, outcome="aborted")]
    )
    dead, aborted, request = exporter.get_finished_spans()
    assert (dead.status.status_code, dead.attributes["error.type"]) == (StatusCode.ERROR, "engine_dead")
    assert aborted.status.status_code is StatusCode.UNSET
    assert request.status.status_code is StatusCode.ERROR


def test_without_an_endpoint_there_is_no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    assert from_environment() is None
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    tracing = from_environment()
    assert tracing is not None
    tracing.close()
