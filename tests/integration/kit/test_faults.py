"""What goes wrong with models on demand."""

import concurrent.futures
from typing import Any

import httpx
import pytest

from paddock.worker.testing import JsException, Paddock

from .conftest import SETTINGS, SOURCE

PHI = "@cf/microsoft/phi-2"


def run(worker: Paddock, **inputs: Any) -> Any:
    return worker.fetch("/run", json={"model": PHI, "inputs": {"prompt": "x", **inputs}}).result()


def test_the_next_calls_fail_and_then_answer(worker: Paddock) -> None:
    """DT-076"""
    worker.ai.fail_next(1, status=429, code=3040)
    with pytest.raises(JsException, match=r"3040: Capacity temporarily exceeded, please try again\."):
        run(worker)
    assert run(worker).json()["response"]
    error = worker.ai.calls[0].error
    assert error is not None
    assert (error.status, worker.ai.mode) == (429, "fake")


def test_failures_can_be_of_one_model(worker: Paddock) -> None:
    worker.ai.fail_next(model="@cf/meta/*")
    assert run(worker).json()["response"]


def test_no_capacity_until_it_recovers(worker: Paddock) -> None:
    worker.ai.out_of_capacity()
    for _ in range(2):
        with pytest.raises(JsException, match="3040"):
            run(worker)
    worker.ai.recover()
    assert run(worker).json()["response"]


def test_a_stream_is_cut(worker: Paddock) -> None:
    """DT-077"""
    worker.ai.stream(["a", "b", "c", "d"])
    worker.ai.cut_stream_after(3)
    with pytest.raises(httpx.RemoteProtocolError, match="The stream was cut by the test"):
        run(worker, stream=True)
    seen = "".join(worker.ai.calls[0].chunks)
    assert [text in seen for text in ('"a"', '"c"', '"d"', "[DONE]")] == [True, True, False, False]


def test_a_handler_that_reads_a_cut_stream_sees_it_break() -> None:
    """DT-077"""
    source = f"""
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        stream = await self.env.AI.run("{PHI}", {{"prompt": "x", "stream": True}})
        return Response(b"".join([chunk.to_bytes() async for chunk in stream]))
"""
    with Paddock(source=source) as worker:
        worker.ai.cut_stream_after(3)
        with pytest.raises(Exception, match="The stream was cut by the test") as caught:
            worker.fetch("/").result()
    assert str(caught.traceback[-1].path).endswith("handler.py")


def test_delays_take_no_time(worker: Paddock) -> None:
    """DT-078"""
    worker.ai.delay(ttft=2000, per_token=100)
    assert run(worker).json()["response"]
    (call,) = worker.ai.calls
    assert call.ttft_s is not None
    assert 2000 <= call.ttft_s < 2001
    assert call.duration_s > 2000 + 100 * (call.usage.completion_tokens - 1)


def test_a_stream_that_waits_has_comments(worker: Paddock) -> None:
    """DT-078"""
    worker.ai.delay(ttft=25)
    assert run(worker, stream=True).text.startswith(": ")


def test_timeouts_of_the_configuration_are_held_to() -> None:
    settings = {**SETTINGS, "paddock": {"engine": {"first_token_timeout_s": 30}}}
    with Paddock(source=SOURCE, settings=settings) as worker:
        worker.ai.delay(ttft=29)
        assert run(worker).json()["response"]
        worker.ai.delay(ttft=31)
        with pytest.raises(JsException, match="3007: Request timeout"):
            run(worker)


def test_states(worker: Paddock) -> None:
    worker.ai.set_state("cold")
    assert run(worker).json()["response"]
    assert worker.ai.state_of(PHI) == "warm"
    worker.ai.set_state("failed", model="@cf/microsoft/*")
    with pytest.raises(JsException, match="could not be loaded: the test says so"):
        run(worker)
    worker.ai.set_state("warm")
    assert run(worker).json()["response"]
    with pytest.raises(ValueError, match="expected one of cold, loading, warm, failed; got 'hot'"):
        worker.ai.set_state("hot")  # type: ignore[arg-type]  # that is the point


def test_calls_wait_for_a_model_that_loads(worker: Paddock) -> None:
    worker.ai.set_state("loading")
    answer = worker.fetch("/run", json={"model": PHI, "inputs": {"prompt": "x"}})
    with pytest.raises(concurrent.futures.TimeoutError):
        answer.result(0.05)
    worker.ai.set_state("warm")
    assert answer.result().json()["response"]


def test_cold_models_are_refused_where_the_configuration_says_so() -> None:
    settings = {**SETTINGS, "paddock": {"engine": {"on_cold": "reject"}}}
    with Paddock(source=SOURCE, settings=settings) as worker:
        worker.ai.set_state("cold")
        with pytest.raises(JsException, match="3040"):
            run(worker)


def test_models_that_nobody_calls_go(worker: Paddock) -> None:
    worker.ai.set_state("cold")
    run(worker)
    worker.ai.advance(299).result()
    assert worker.ai.state_of(PHI) == "warm"
    worker.ai.advance(2).result()
    assert worker.ai.state_of(PHI) == "cold"
