"""The gateway routes of the binding's wire."""

import asyncio
import json

import pytest

from paddock.bindings.ai.doors import wire
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.binding import CallRecord, FetchRequest, FetchResponse

PHI = "@cf/microsoft/phi-2"
STEP = {"provider": "workers-ai", "endpoint": PHI, "headers": {}, "query": {"prompt": "x"}}


def ask(service, method: str, path: str, body: object = None, headers=()) -> FetchResponse:
    data = None if body is None else json.dumps(body).encode()
    request = FetchRequest(method, f"https://workers-binding.ai{path}", tuple(headers), data)
    return asyncio.run(wire.answer(service, request, 1_000_000))


def run(service, options: dict[str, object], model: str = PHI) -> FetchResponse:
    body = {"inputs": {"prompt": "x"}, "options": options}
    return ask(service, "POST", "/ai-gateway/run?version=3", body, [("cf-consn-model-id", model)])


def result(response: FetchResponse):
    return json.loads(response.body)["result"]


def header(response: FetchResponse, name: str) -> str | None:
    return dict(response.headers).get(name)


@pytest.fixture
def service(make_service):
    return make_service(ScriptedEngine(["a b", "c"]))


def test_a_run_with_a_gateway_says_its_log_id_and_is_found_under_it(service) -> None:
    """WA-099, WA-108"""
    response = run(service, {"gateway": {"id": "g", "metadata": {"team": "x"}, "eventId": "e"}})
    log_id = header(response, "cf-aig-log-id")
    entry = result(ask(service, "GET", f"/ai-gateway/gateways/g/logs/{log_id}"))
    assert {"id": log_id, "model": PHI, "tokens_out": 2, "success": True, "cached": False}.items() <= entry.items()
    assert (entry["metadata"], entry["event_id"], entry["status_code"]) == ({"team": "x"}, "e", 200)


def test_a_failed_run_is_logged_too(service) -> None:
    response = run(service, {"gateway": {"id": "g"}}, "@cf/x/y")
    entry = result(ask(service, "GET", f"/ai-gateway/gateways/g/logs/{header(response, 'cf-aig-log-id')}"))
    assert (entry["status_code"], entry["success"]) == (400, False)


def test_runs_of_one_event_that_overlap_are_told_apart(make_service) -> None:
    gate = Gate()
    service = make_service(ScriptedEngine(["a b c", "d"], gate=gate))
    calls: list[CallRecord] = []

    async def one() -> str | None:
        body = json.dumps({"inputs": {"prompt": "x"}, "options": {"gateway": {"id": "g"}}}).encode()
        headers = (("cf-consn-model-id", PHI),)
        request = FetchRequest("POST", "https://workers-binding.ai/ai-gateway/run?version=3", headers, body, calls)
        return header(await wire.answer(service, request, 1_000_000), "cf-aig-log-id")

    async def both() -> list[str | None]:
        async with asyncio.TaskGroup() as tasks:
            runs = [tasks.create_task(one()) for _ in range(2)]
            await gate.arrival()
            assert len(calls) == 2, "a call is on record from its start"
            gate.open()
        return [run.result() for run in runs]

    entries = [service.gateway_log.find("g", log_id) for log_id in asyncio.run(both())]
    assert [entry.as_result()["tokens_out"] for entry in entries] == [3, 1]


def test_a_run_that_asks_for_no_log_has_none(service) -> None:
    assert header(run(service, {"gateway": {"id": "g", "collectLog": False}}), "cf-aig-log-id") is None


def test_a_run_without_a_gateway_has_no_log_id(service) -> None:
    body = {"inputs": {"prompt": "x"}, "options": {}}
    assert header(ask(service, "POST", "/run?version=3", body, [("cf-consn-model-id", PHI)]), "cf-aig-log-id") is None


def test_a_patch_is_read_back(service) -> None:
    """WA-108"""
    path = f"/ai-gateway/gateways/g/logs/{header(run(service, {'gateway': {'id': 'g'}}), 'cf-aig-log-id')}"
    assert ask(service, "PATCH", path, {"feedback": 1, "score": 0.5}).status == 200
    entry = result(ask(service, "GET", path))
    assert (entry["feedback"], entry["score"]) == (1, 0.5)
    assert ask(service, "PATCH", path, {"score": "high"}).status == 400


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_an_unknown_log_is_404(service, method: str) -> None:
    """WA-108"""
    response = ask(service, method, "/ai-gateway/gateways/g/logs/none", {})
    assert response.status == 404
    assert json.loads(response.body)["errors"][0]["message"] == "Log Not Found"


@pytest.mark.parametrize(("provider", "end"), [("universal", "/local/g/"), ("workers-ai", "/local/g/workers-ai")])
def test_a_url_has_productions_form(service, provider: str, end: str) -> None:
    """WA-108"""
    url = result(ask(service, "GET", f"/ai-gateway/gateways/g/url/{provider}"))["url"]
    assert url == "https://gateway.ai.cloudflare.com/v1" + end


def test_a_universal_run_answers_with_the_first_step_that_succeeds(service) -> None:
    """WA-108"""
    steps = [STEP | {"provider": "openai"}, STEP]
    response = ask(service, "POST", "/ai-gateway/universal/run/g", steps, [("cf-aig-metadata", '{"a": 1}')])
    assert (response.status, header(response, "cf-aig-step")) == (200, "1")
    assert result(response)["response"] == "a b"
    entry = result(ask(service, "GET", f"/ai-gateway/gateways/g/logs/{header(response, 'cf-aig-log-id')}"))
    assert (entry["step"], entry["metadata"]) == (1, {"a": 1})


def test_a_universal_run_streams(service) -> None:
    steps = [STEP | {"query": {"prompt": "x", "stream": True}}]
    response = ask(service, "POST", "/ai-gateway/universal/run/g", steps)
    assert header(response, "content-type") == "text/event-stream"


def test_another_provider_is_refused_with_the_reason(service) -> None:
    response = ask(service, "POST", "/ai-gateway/universal/run/g", [STEP | {"provider": "openai"}])
    assert response.status == 400
    assert "Paddock runs models of workers-ai only" in json.loads(response.body)["errors"][0]["message"]


@pytest.mark.parametrize("body", [[], {}, [1], [{"provider": "workers-ai"}]])
def test_a_universal_run_that_is_none_is_refused(service, body: object) -> None:
    assert ask(service, "POST", "/ai-gateway/universal/run/g", body).status == 400


def test_metadata_that_is_no_json_is_refused(service) -> None:
    response = ask(service, "POST", "/ai-gateway/universal/run/g", [STEP], [("cf-aig-metadata", "{")])
    assert response.status == 400
