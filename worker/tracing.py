"""OpenTelemetry spans of requests and their AI calls, where OTEL_EXPORTER_OTLP_ENDPOINT says where they go.

A span is made when its request has ended, from what the log line is made of, so that nothing is done while tokens flow.
Names follow the semantic conventions for HTTP servers and generative AI; prompts and answers are never in them.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paddock.bindings.binding import CallRecord

__all__ = ["ENDPOINT", "Tracing", "from_environment"]

logger = logging.getLogger(__name__)

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_NS: Final = 1_000_000_000
_FIRST_SERVER_ERROR: Final = 500


def from_environment() -> Tracing | None:
    """Tracing to the endpoint that the environment names; None without one, or, with a warning, without the extra."""
    if not os.environ.get(ENDPOINT):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        logger.warning('%s is set, but %s: pip install "paddock[otel]"', ENDPOINT, error)
        return None
    return Tracing(BatchSpanProcessor(OTLPSpanExporter()))


class Tracing:
    """Makes spans and hands them to a span processor of the OpenTelemetry SDK."""

    def __init__(self, processor: Any) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        self._provider = TracerProvider(resource=Resource.create({"service.name": "paddock"}), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("paddock")

    def record(
        self,
        method: str,
        path: str,
        status: int | None,
        duration_s: float,
        headers: Mapping[str, str],
        calls: Sequence[CallRecord],
    ) -> None:
        """The spans of a request that has just ended. `headers` may hold a `traceparent` that it belongs to."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        end = time.time_ns()
        start = end - int(duration_s * _NS)
        attributes: dict[str, Any] = {"http.request.method": method, "url.path": path}
        if status is not None:
            attributes["http.response.status_code"] = status
        outer = TraceContextTextMapPropagator().extract(dict(headers))
        span = self._tracer.start_span(
            f"{method} {path}", outer, kind=trace.SpanKind.SERVER, attributes=attributes, start_time=start
        )
        if status is None or status >= _FIRST_SERVER_ERROR:
            span.set_status(trace.StatusCode.ERROR)
        inner = trace.set_span_in_context(span)
        for call in calls:
            self._record_call(call, inner, start)
        span.end(end)

    def _record_call(self, call: CallRecord, inner: Any, request_start: int) -> None:
        from opentelemetry import trace

        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "paddock",
            "gen_ai.request.model": call.model,
            "gen_ai.usage.input_tokens": call.prompt_tokens,
            "gen_ai.usage.output_tokens": call.completion_tokens,
        }
        if call.finish_reason:
            attributes["gen_ai.response.finish_reasons"] = [call.finish_reason]
        start = max(request_start, call.started_ns)
        span = self._tracer.start_span(
            f"chat {call.model}", inner, kind=trace.SpanKind.CLIENT, attributes=attributes, start_time=start
        )
        if call.ttft_s is not None:
            span.add_event("gen_ai.first_token", timestamp=start + int(call.ttft_s * _NS))
        if call.outcome not in ("ok", "aborted"):
            span.set_attribute("error.type", call.outcome)
            span.set_status(trace.StatusCode.ERROR)
        span.end(start + int(call.duration_s * _NS))

    def close(self) -> None:
        """Send what is left. Blocking, for a few seconds at most."""
        self._provider.shutdown()
