"""`ai.calls`: what a test learns of a call beside its model and its inputs, and what it may assert."""

from __future__ import annotations

import pytest

from paddock.worker.testing import Ai, Paddock

PHI = "@cf/microsoft/phi-2"
#: `/run` does what the body says, and tells what `env.AI` says of the call.
SOURCE = """
import json
from pyodide.ffi import to_js
from js import Object
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        asked = await request.json()
        options = to_js(asked.get("options"), dict_converter=Object.fromEntries) if "options" in asked else None
        answer = await self.env.AI.run(asked["model"], asked["inputs"], options)
        if asked["inputs"].get("stream") or (asked.get("options") or {}).get("returnRawResponse"):
            return Response(getattr(answer, "body", answer))
        return Response.json([self.env.AI.lastRequestId, self.env.AI.aiGatewayLogId])
"""
pytestmark = pytest.mark.paddock(source=SOURCE)


def run(worker: Paddock, options: dict | None = None, **inputs: object):
    asked = {"model": PHI, "inputs": {"prompt": "x", **inputs}} | ({} if options is None else {"options": options})
    return worker.fetch("/run", json=asked).result()


def test_a_call_has_its_options_and_headers(worker: Paddock, ai: Ai) -> None:
    """DT-079"""
    run(worker, {"returnRawResponse": True, "extraHeaders": {"X-Own": "1"}, "tags": ["a"]})
    (call,) = ai.calls
    assert (call.options, call.extra_headers) == ({"returnRawResponse": True, "tags": ["a"]}, {"x-own": "1"})
    assert (call.task, call.worker, call.log_id) == ("Text Generation", "worker-under-test", "")
    assert "{'returnRawResponse': True, 'tags': ['a']}" in repr(call)


def test_a_call_without_options_has_none(worker: Paddock, ai: Ai) -> None:
    """DT-079"""
    run(worker)
    assert (ai.calls[0].options, ai.calls[0].extra_headers) == ({}, {})


def test_the_ids_are_those_that_the_handler_sees(worker: Paddock, ai: Ai) -> None:
    """DT-079"""
    request_id, log_id = run(worker, {"gateway": {"id": "mine", "skipCache": True}}).json()
    (call,) = ai.calls
    assert (call.request_id, call.log_id) == (request_id, log_id)
    assert request_id
    assert log_id
    assert call.options == {"gateway": {"id": "mine", "skipCache": True}}


def test_a_call_that_is_refused_has_its_id_and_no_task(worker: Paddock, ai: Ai) -> None:
    """DT-079"""
    asked = {"model": "@cf/no/such", "inputs": {"prompt": "x"}, "options": {"tags": ["a"]}}
    with pytest.raises(Exception, match="5007"):
        worker.fetch("/run", json=asked).result()
    (call,) = ai.calls
    assert (call.task, call.options, bool(call.request_id)) == ("", {"tags": ["a"]}, True)


def test_times_are_those_of_the_virtual_clock(worker: Paddock, ai: Ai) -> None:
    """DT-078, DT-079"""
    ai.delay(ttft=20)
    run(worker)
    ai.advance(5).result()
    run(worker)
    assert [(call.started_s, call.ended_s) for call in ai.calls] == [(0.0, 20.0), (25.0, 45.0)]


def test_a_stream_has_its_events_and_ends_with_the_last(worker: Paddock, ai: Ai) -> None:
    """DT-079"""
    ai.stream(["Hel", "lo"], delay_s=2)
    asked = {"model": PHI, "inputs": {"prompt": "x", "stream": True}}
    with worker.stream("/run", json=asked) as response:
        assert ai.calls[0].ended_s is None
        response.read()
    (call,) = ai.calls
    assert "".join(event.get("response", "") for event in call.events) == "Hello"
    assert "usage" in call.events[-1]
    assert call.ended_s == 2.0


def test_options_and_headers_are_asserted(worker: Paddock, ai: Ai) -> None:
    run(worker, {"gateway": {"id": "mine"}, "tags": ["a"], "extraHeaders": {"x-own": "1"}}, max_tokens=7)
    ai.assert_called(options={"gateway": {"id": "mine"}})
    ai.assert_called_once_with(PHI, options={"tags": ["a"]}, extra_headers={"X-Own": "1"}, max_tokens=7)
    with pytest.raises(
        AssertionError, match=r"expected a call of a model with options \{'tags': \['b'\]\}; there were"
    ):
        ai.assert_called(options={"tags": ["b"]})
    with pytest.raises(AssertionError, match="with extra_headers"):
        ai.assert_called_once_with(extra_headers={"x-own": "2"})


def test_requests_by_the_rest_api_have_no_options_of_the_binding(worker: Paddock, ai: Ai) -> None:
    worker.fetch(f"/client/v4/accounts/any/ai/run/{PHI}", json={"prompt": "x"}).result()
    (call,) = ai.calls
    assert (call.options, call.request_id, call.worker, call.task) == ({}, "", "", "Text Generation")


def test_calls_out_of_a_batch_are_of_no_request(worker: Paddock, ai: Ai) -> None:
    model = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
    worker.env.AI.run(model, {"requests": [{"prompt": "one"}]}, {"queueRequest": True}).result()
    ai.batches_done().result()
    (call,) = ai.calls
    assert (call.prompt, call.options, call.request_id, call.worker) == ("one", {}, "", "")
