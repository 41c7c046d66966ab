"""The fixtures `worker`, `client`, `env` and `ctx`, in coroutines and in plain functions."""

import traceback

import httpx
import pytest

from paddock.worker.testing import BackgroundWorkLeft, HandlerError, JsException, Paddock

PHI = "@cf/microsoft/phi-2"


def test_a_client_sends_requests_to_the_worker(client: httpx.Client) -> None:
    answer = client.put("/a?b=c", content=b"body")
    assert answer.text == "PUT http://worker.test/a?b=c body"
    assert answer.headers["x-seen"] == "yes"


@pytest.mark.anyio
async def test_fetch_takes_what_httpx_takes(worker: Paddock) -> None:
    assert (await worker.fetch("/a", json={"b": 1})).text == 'POST http://worker.test/a {"b":1}'
    assert (await worker.fetch("https://example.com/a", params={"b": 1})).text == "GET https://example.com/a?b=1 "
    assert (await worker.fetch("/a", "HEAD")).content == b""


@pytest.mark.anyio
async def test_clients_of_coroutines(async_client: httpx.AsyncClient) -> None:
    assert (await async_client.post("/a", content=b"x")).text == "POST http://worker.test/a x"


def test_the_timeline_has_what_was_stored_and_how_streams_ended(worker: Paddock) -> None:
    """DT-093"""
    asked = {"model": "@cf/microsoft/phi-2", "inputs": {"prompt": "x", "stream": True}}
    worker.ai.stream(["a", "b"])
    worker.fetch("/run", json=asked).result()
    worker.fetch("/later").result()
    worker.ctx.drain().result()
    worker.ai.stream(["a", "b"])
    worker.ai.cut_stream_after(1)
    with pytest.raises(httpx.RemoteProtocolError):
        worker.fetch("/run", json=asked).result()
    timeline = str(worker.timeline)
    assert "binding  NOTES PUT /later -> 200 in " in timeline
    assert "ai       @cf/microsoft/phi-2 'x' -> a stream of 4 events in " in timeline
    assert "-> a stream that broke off behind 1 events: The stream was cut by the test" in timeline


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_trio(worker: Paddock, async_client: httpx.AsyncClient) -> None:
    assert (await worker.fetch("/a")).text == "GET http://worker.test/a "
    assert (await async_client.get("/a")).text == "GET http://worker.test/a "


def test_the_handlers_exception_is_raised_with_its_traceback(worker: Paddock) -> None:
    """DT-040"""
    with pytest.raises(ValueError, match=r"^the kettle is empty$") as caught:
        worker.fetch("/error").result()
    shown = [(frame.name, frame.line) for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert shown[-2:] == [
        ("fetch", "deeper(path)"),
        ("deeper", 'raise ValueError("the kettle is empty")'),
    ]
    assert not [name for name, _ in shown if name in ("_sent", "serve", "_answer")]


@pytest.mark.anyio
async def test_coroutines_get_the_exception_too(worker: Paddock) -> None:
    """DT-040"""
    with pytest.raises(ValueError, match="the kettle is empty") as caught:
        await worker.fetch("/error")
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "deeper"


def test_a_class_of_the_handlers_own_keeps_its_name_and_attributes(worker: Paddock) -> None:
    """DT-040"""
    with pytest.raises(HandlerError, match="mine has 12 degrees") as caught:
        worker.fetch("/tea").result()
    assert (type(caught.value).__name__, vars(caught.value)["degrees"]) == ("TeaIsCold", 12)


def test_an_error_of_the_platform_is_a_js_exception(worker: Paddock) -> None:
    """DT-040"""
    with pytest.raises(JsException, match=r"^InferenceUpstreamError: |^AiError: 5007"):
        worker.fetch("/run", json={"model": "@cf/no/such", "inputs": {"prompt": "x"}}).result()


@pytest.mark.anyio
async def test_env_has_values_and_bindings(worker: Paddock) -> None:
    assert (worker.env.GREETING, worker.env.LIMITS) == ("hello", {"most": 3})
    await worker.env.NOTES.put("a", "b", {"metadata": {"c": 1}})
    assert await worker.env.NOTES.get("a") == "b"
    found = await worker.env.NOTES.getWithMetadata("a")
    assert (found["value"], found["metadata"]) == ("b", {"c": 1})
    assert (await worker.env.AI.run(PHI, {"prompt": "x"}))["response"]
    with pytest.raises(AttributeError, match="the configuration has AI, GREETING, LIMITS, NOTES"):
        worker.env.OTHER  # noqa: B018 - it raises


@pytest.mark.anyio
async def test_ctx_waits_for_background_work(worker: Paddock) -> None:
    """DT-088"""
    await worker.fetch("/later")
    await worker.ctx.drain()
    assert await worker.env.NOTES.get("later") == "done"


@pytest.mark.anyio
async def test_ctx_raises_what_background_work_raised(worker: Paddock) -> None:
    """DT-088"""
    await worker.fetch("/later-error")
    with pytest.raises(LookupError, match="nobody is there"):
        await worker.ctx.drain()


def test_ctx_names_the_origin_of_what_does_not_end() -> None:
    """DT-088"""
    from .conftest import SOURCE

    with Paddock(source=SOURCE) as worker:
        worker.fetch("/never").result()
        with pytest.raises(BackgroundWorkLeft, match=r'handler\.py", line \d+, in fetch'):
            worker.end_test(timeout_s=0.05).result()


@pytest.mark.anyio
async def test_scheduled_events(worker: Paddock) -> None:
    result = await worker.scheduled("*/5 * * * *", at=1000)
    assert result.outcome == "ok"
    assert str(await worker.env.NOTES.get("cron")).startswith("*/5 * * * * at 1000000")
    with pytest.raises(ValueError, match="no such time"):
        await worker.scheduled("bad")


@pytest.mark.anyio
async def test_queue_events(worker: Paddock) -> None:
    result = await worker.queue("jobs", ["once", "again"])
    assert (len(result.acks), len(result.retries), result.outcome) == (1, 1, "ok")


def test_responses_stream(worker: Paddock) -> None:
    asked = {"model": PHI, "inputs": {"prompt": "x", "stream": True}}
    with worker.stream("/run", json=asked) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"


def test_a_client_keeps_the_cookies_of_the_worker() -> None:
    source = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/login"):
            return Response("", status=302, headers={"location": "/", "set-cookie": "name=Ada"})
        return Response(request.headers.get("cookie") or "")
"""
    with Paddock(source=source) as worker, worker.client(cookies={"own": "1"}) as client:
        assert client.get("/").text == "own=1"
        assert client.get("/login", follow_redirects=True).text == "own=1; name=Ada"
        assert client.cookies["name"] == "Ada"
        client.cookies = {"other": "2"}  # type: ignore[assignment]  # httpx takes more than it gives
        assert client.get("/").text == "other=2"


QUEUE = """
from workers import WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def queue(self, batch, env, ctx):
        batch.retryAll() if batch.queue == "again" else batch.ackAll()
"""


@pytest.mark.paddock(source=QUEUE)
def test_a_whole_batch_may_be_acknowledged_or_come_again(worker: Paddock) -> None:
    taken, refused = (worker.queue(name, [1, 2]).result() for name in ("once", "again"))
    assert (taken.is_acked, taken.is_retried, refused.is_acked, refused.is_retried) == (True, False, False, True)
