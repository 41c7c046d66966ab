import asyncio
import base64
import json
import uuid
from typing import Any

import pytest

from paddock.bindings.ai.doors import wire
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.binding import FetchRequest, FetchResponse

PHI = "@cf/microsoft/phi-2"
LIMIT = 1_000_000


def run(make_service, body: object, *, model: str | None = PHI, replies=("hello",), url="/run?version=3"):
    headers = (("cf-consn-model-id", model),) if model else ()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = FetchRequest("POST", f"https://workers-binding.ai{url}", headers, data)
    return asyncio.run(wire.answer(make_service(ScriptedEngine(replies)), request, LIMIT))


def header(response: FetchResponse, name: str) -> str:
    return dict(response.headers)[name]


def test_a_result_is_bare_json_of_exactly_application_json(make_service) -> None:
    """WA-093, WA-096, WA-097, WA-098"""
    response = run(make_service, {"inputs": {"prompt": "x"}, "options": {}})
    assert response.status == 200
    assert header(response, "content-type") == "application/json"
    assert json.loads(response.body)["response"] == "hello"
    uuid.UUID(header(response, "cf-ai-req-id"))


def test_a_stream_is_not_json(make_service) -> None:
    """WA-055, WA-098"""
    response = run(make_service, {"inputs": {"prompt": "x", "stream": True}})
    assert response.status == 200
    uuid.UUID(header(response, "cf-ai-req-id"))
    assert header(response, "content-type") == "text/event-stream"
    assert not isinstance(response.body, bytes)


def test_a_failure_is_the_flat_body_from_which_the_binding_makes_its_exception(make_service) -> None:
    """WA-098, WA-102"""
    response = run(make_service, {"inputs": {"prompt": "x"}}, model="@cf/x/y")
    body = json.loads(response.body)
    assert response.status == body["httpCode"] == 400
    assert body["description"] == "No such model @cf/x/y or task"
    assert body["internalCode"] == 5007
    assert body["message"] == f"AiError: No such model: No such model @cf/x/y or task ({body['requestId']})"
    assert header(response, "cf-ai-req-id") == body["requestId"]


def test_our_own_hint_stands_in_a_header_and_not_in_productions_text(make_service) -> None:
    response = run(make_service, {"inputs": {"prompt": "x"}}, model="@cf/microsoft/phi2")
    assert PHI in header(response, "paddock-hint")


def test_the_model_stands_in_its_header_only(make_service) -> None:
    """WA-094"""
    response = run(make_service, {"inputs": {"prompt": "x"}}, model=None)
    assert json.loads(response.body)["internalCode"] == 3003


def test_a_prefix_before_the_model_is_taken_off(make_service) -> None:
    """WA-095"""
    assert run(make_service, {"inputs": {"prompt": "x"}}, model=f"team:{PHI}").status == 200


@pytest.mark.parametrize(("body", "code"), [(b"", 3003), (b"{", 5006), (b"[1]", 3003), (b"[" * 100_000, 5006)])
def test_bodies_that_are_no_request_are_refused(make_service, body: bytes, code: int) -> None:
    response = run(make_service, body)
    assert (response.status, json.loads(response.body)["internalCode"]) == (400, code)


def test_a_body_over_the_limit_is_refused(make_service) -> None:
    response = run(make_service, b"x" * (LIMIT + 1))
    assert (response.status, json.loads(response.body)["internalCode"]) == (413, 3006)


def test_models_tells_a_stand_in_from_the_model(make_service) -> None:
    """WA-105"""
    request = FetchRequest("GET", "https://workers-binding.ai/ai-api/models/search?search=phi")
    response = asyncio.run(wire.answer(make_service(ScriptedEngine()), request, LIMIT))
    (model,) = json.loads(response.body)["result"]
    assert {"property_id": "paddock_weights", "value": "stand_in"} in model["properties"]


@pytest.mark.parametrize("url", ["/run", "/run?version=2"])
def test_the_older_protocol_is_the_same(make_service, url: str) -> None:
    assert run(make_service, {"inputs": {"prompt": "x"}}, url=url).status == 200


def test_a_newer_protocol_is_not_taken_for_this_one(make_service) -> None:
    response = run(make_service, {"inputs": {"prompt": "x"}}, url="/run?version=4")
    assert json.loads(response.body)["description"] == "version: expected one of 2, 3; got '4'"


def test_a_stream_without_a_content_type_is_refused(make_service) -> None:
    """WA-100"""
    response = run(make_service, b"RIFF", url="/run?version=3&userInputs=%7B%7D")
    assert json.loads(response.body)["internalCode"] == 3003


def test_a_stream_for_a_model_that_cannot_run_here_is_refused_before_it_is_read(make_service) -> None:
    class Film:
        async def pull(self) -> bytes:
            raise AssertionError("nobody asked for it")

        async def cancel(self, reason: object) -> None:
            raise AssertionError("nobody took it")

    headers = (("cf-consn-model-id", "@cf/x/y"), ("content-type", "video/mp4"))
    request = FetchRequest("POST", "https://workers-binding.ai/run?version=3&userInputs=%7B%7D", headers, Film())
    response = asyncio.run(wire.answer(make_service(ScriptedEngine()), request, LIMIT))
    assert json.loads(response.body)["internalCode"] == 5007


def test_a_websocket_is_refused_with_the_reason(make_service) -> None:
    """WA-109"""
    request = FetchRequest("GET", "https://workers-binding.ai/run?version=3&body=x", (("Upgrade", "websocket"),))
    response = asyncio.run(wire.answer(make_service(ScriptedEngine()), request, LIMIT))
    assert response.status == 400
    assert "serves no WebSockets" in json.loads(response.body)["description"]


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/to-everything/markdown/transformer", 404, "No route for GET"),
        ("POST", "/to-everything/markdown/supported", 404, "No route for POST"),
        ("POST", "/to-everything/markdown/transformer", 400, "missing headers or body"),
        ("GET", "/autorag/rags", 501, "AutoRAG"),
        ("GET", "/nowhere", 404, "No route for GET /nowhere"),
        ("GET", "/ai-api/models/search?page=0", 400, "page"),
        ("GET", "/ai-gateway/gateways/g", 404, "No route"),
    ],
)
def test_what_is_not_served_says_so_in_the_form_that_the_binding_reads(
    make_service, method: str, path: str, status: int, text: str
) -> None:
    """WA-098"""
    request = FetchRequest(method, f"https://workers-binding.ai{path}")
    response = asyncio.run(wire.answer(make_service(ScriptedEngine()), request, LIMIT))
    assert response.status == status
    assert text in json.loads(response.body)["errors"][0]["message"]
    uuid.UUID(header(response, "cf-ai-req-id"))


def to_markdown(make_service, body: object) -> tuple[int, Any]:
    url = "https://workers-binding.ai/to-everything/markdown/transformer"
    request = FetchRequest("POST", url, (("content-type", "application/json"),), json.dumps(body).encode())
    response = asyncio.run(wire.answer(make_service(ScriptedEngine()), request, LIMIT))
    return response.status, json.loads(response.body)


def test_documents_are_converted_each_for_itself(make_service) -> None:
    """WA-106"""
    options = {"gateway": {"id": "g"}, "conversionOptions": {"html": {"cssSelector": "p"}}}
    files = [
        {"name": "a.html", "mimeType": "text/html", "data": base64.b64encode(b"<h1>x</h1><p>y").decode()},
        {"name": "b.pdf", "mimeType": "application/pdf", "data": ""},
    ]
    status, body = to_markdown(make_service, {"files": files, "options": options})
    assert (status, body["success"]) == (200, True)
    assert [result["format"] for result in body["result"]] == ["markdown", "error"]
    assert body["result"][0]["data"] == "y"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"files": [{"name": "a", "data": "!"}]}, "Invalid base64 encoded string - at `$.files[0].data`"),
        ({"files": [{"data": ""}]}, "missing required field `name`"),
        ({"files": [], "options": {"conversionOptions": {"output": {"format": "pdf"}}}}, "output.format"),
    ],
)
def test_a_malformed_conversion_says_where(make_service, body: object, text: str) -> None:
    status, answer = to_markdown(make_service, body)
    assert (status, answer["success"], answer["errors"][0]["code"]) == (400, False, 5006)
    assert text in answer["errors"][0]["message"]


def test_a_conversion_over_the_limit_is_refused(make_service) -> None:
    status, answer = to_markdown(make_service, {"files": [{"name": "a.txt", "data": "A" * LIMIT}]})
    assert (status, answer["errors"][0]["code"]) == (413, 3006)


def test_formats_are_listed(make_service) -> None:
    """WA-107"""
    request = FetchRequest("GET", "https://workers-binding.ai/to-everything/markdown/supported")
    response = asyncio.run(wire.answer(make_service(ScriptedEngine()), request, LIMIT))
    assert {"extension": ".html", "mimeType": "text/html"} in json.loads(response.body)["result"]
