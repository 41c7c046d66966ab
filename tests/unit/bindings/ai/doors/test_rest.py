import asyncio
import json

import pytest

from paddock.bindings.ai.doors import rest
from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.binding import FetchRequest, FetchResponse

PHI = "@cf/microsoft/phi-2"
AI = "http://localhost:8787/client/v4/accounts/acc/ai"


def ask(make_service, method: str, url: str, body: bytes = b"", replies=("hello",)) -> FetchResponse:
    request = FetchRequest(method, url, (("content-type", "application/x-www-form-urlencoded"),), body)
    return asyncio.run(rest.answer(make_service(ScriptedEngine(replies)), request, 1_000_000))


@pytest.mark.parametrize("path", [PHI, PHI.replace("/", "%2F")])
def test_a_result_comes_in_the_envelope_whatever_the_content_type(make_service, path: str) -> None:
    """WA-112, WA-115, WA-121"""
    response = ask(make_service, "POST", f"{AI}/run/{path}", b'{"prompt": "x"}')
    body = json.loads(response.body)
    assert list(body) == ["result", "success", "errors", "messages"]
    assert (body["success"], body["errors"], body["result"]["response"]) == (True, [], "hello")


def test_a_failure_names_code_and_request(make_service) -> None:
    """WA-113, WA-114, WA-120"""
    response = ask(make_service, "POST", f"{AI}/run/@cf/x/y", b'{"prompt": "x"}')
    body = json.loads(response.body)
    request_id = dict(response.headers)["cf-ai-req-id"]
    assert response.status == 400
    assert body == {
        "errors": [{"message": f"AiError: No such model: No such model @cf/x/y or task ({request_id})", "code": 5007}],
        "success": False,
        "result": {},
        "messages": [],
    }


def test_a_stream_has_no_envelope(make_service) -> None:
    """WA-063"""
    response = ask(make_service, "POST", f"{AI}/run/{PHI}", b'{"prompt": "x", "stream": true}')
    assert dict(response.headers)["content-type"] == "text/event-stream"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", f"/run/{PHI}", 405, 7001), ("POST", "/nothing", 404, 7000), ("DELETE", "/models/search", 405, 7001)],
)
def test_wrong_routes_and_methods_have_the_platforms_codes(make_service, method, path, status, code) -> None:
    """WA-118, WA-119"""
    response = ask(make_service, method, AI + path, b"{}")
    assert (response.status, json.loads(response.body)["errors"][0]["code"]) == (status, code)


def test_search_pages_end_with_an_empty_one(make_service) -> None:
    """WA-122, WA-123"""
    pages = [json.loads(ask(make_service, "GET", f"{AI}/models/search?per_page=2&page={n}").body) for n in (1, 2, 3)]
    assert [len(page["result"]) for page in pages] == [2, 1, 0]


def test_a_models_schema_is_returned_as_objects(make_service) -> None:
    """WA-125"""
    body = json.loads(ask(make_service, "GET", f"{AI}/models/schema?model={PHI}").body)
    assert set(body["result"]) == {"input", "output"}
    assert body["result"]["input"]["type"] == "object"
