import asyncio
import json
from contextlib import aclosing

import pytest

from paddock.bindings.ai.doors import rest
from paddock.bindings.ai.doors.access import Access
from paddock.bindings.ai.engines.protocol import EngineRequest, SamplingParams
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
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
    assert (body["success"], body["errors"], body["messages"], body["result"]["response"]) == (True, [], [], "hello")


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

    async def run() -> tuple[FetchResponse, bytes]:
        request = FetchRequest("POST", f"{AI}/run/{PHI}", (), b'{"prompt": "x", "stream": true}')
        response = await rest.answer(make_service(ScriptedEngine(["hello"])), request, 1_000)
        return response, await FetchRequest("POST", "", (), response.body).read(1_000)

    response, events = asyncio.run(run())
    assert (response.status, dict(response.headers)["content-type"]) == (200, "text/event-stream")
    assert events.startswith(b'data: {"response":"hello"')
    assert b"success" not in events


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/run/{PHI}", 405, 7001),
        ("HEAD", f"/run/{PHI}", 405, 7001),
        ("GET", "/run", 405, 7001),
        ("POST", "/run/", 404, 7000),
        ("POST", "/nothing", 404, 7000),
        ("DELETE", "/models/search", 405, 7001),
        ("PUT", "/finetunes", 405, 7001),
    ],
)
def test_wrong_routes_and_methods_have_the_platforms_codes(make_service, method, path, status, code) -> None:
    """WA-118"""
    response = ask(make_service, method, AI + path, b"{}")
    assert (response.status, json.loads(response.body)["errors"][0]["code"]) == (status, code)


def test_search_pages_end_with_an_empty_one(make_service) -> None:
    """WA-122, WA-123"""
    pages = [json.loads(ask(make_service, "GET", f"{AI}/models/search?per_page=2&page={n}").body) for n in (1, 99)]
    assert len(pages[0]["result"]) == 2
    assert pages[-1]["result"] == [] and pages[-1]["success"]


def test_a_models_schema_is_returned_as_objects(make_service) -> None:
    """WA-125"""
    body = json.loads(ask(make_service, "GET", f"{AI}/models/schema?model={PHI}").body)
    assert set(body["result"]) == {"input", "output"}
    assert body["result"]["input"]["type"] == "object"


def error_of(response: FetchResponse) -> tuple[int, int, str]:
    error = json.loads(response.body)["errors"][0]
    return response.status, error["code"], error["message"]


@pytest.mark.parametrize("account", ["", "%7Baccount_id%7D", "$ACCOUNT", "a%20b", "<id>"])
def test_an_account_that_cannot_be_one_is_not_routed(make_service, account: str) -> None:
    """WA-118"""
    path = f"/client/v4/accounts/{account}/ai/run/{PHI}"
    response = ask(make_service, "POST", f"http://localhost:8787{path}", b"{}")
    text = f"Could not route to {path}, perhaps your object identifier is invalid?"
    assert error_of(response) == (404, 7003, text)


def test_an_account_that_is_left_out_is_not_routed(make_service) -> None:
    """WA-118: what clients send when their account id is empty and the slashes fall together"""
    response = ask(make_service, "POST", f"http://localhost:8787/client/v4/accounts/ai/run/{PHI}", b"{}")
    assert error_of(response)[:2] == (404, 7003)


@pytest.mark.parametrize("path", ["", "accounts", "accounts/acc", "accounts/acc/workers/scripts", "user/tokens/verify"])
def test_what_is_not_workers_ai_has_no_route(make_service, path: str) -> None:
    """WA-118"""
    response = ask(make_service, "GET", f"http://localhost:8787/client/v4/{path}")
    assert error_of(response) == (404, 7000, "No route for that URI")


def test_head_is_answered_like_get_and_options_tells_the_methods(make_service) -> None:
    assert ask(make_service, "HEAD", f"{AI}/models/search").status == 200
    response = ask(make_service, "OPTIONS", f"{AI}/models/search")
    assert (response.status, dict(response.headers)["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    "body",
    [
        {"model": PHI, "prompt": "x"},
        {"model": PHI, "inputs": {"prompt": "x"}},
        {"model": PHI, "input": {"prompt": "x"}, "options": {}},
    ],
)
def test_the_model_may_stand_in_the_body(make_service, body: object) -> None:
    response = ask(make_service, "POST", f"{AI}/run", json.dumps(body).encode())
    assert json.loads(response.body)["result"]["response"] == "hello"


@pytest.mark.parametrize("body", [b'{"prompt": "x"}', b'{"model": 1}', b"[]"])
def test_a_body_that_names_no_model_is_incomplete(make_service, body: bytes) -> None:
    assert error_of(ask(make_service, "POST", f"{AI}/run", body))[:2] == (400, 3003)


@pytest.mark.parametrize("reject", [True, False])
def test_reject_if_busy_refuses_where_a_call_would_wait(make_service, reject: bool) -> None:
    """WA-131"""

    async def run() -> FetchResponse:
        service = make_service(engine)
        card = service.catalog.card(PHI)
        service.engines.serving(card)
        async with aclosing(engine.generate(EngineRequest(SamplingParams(1), prompt="held"))) as held:
            gate.let()
            await anext(held)
            body = json.dumps({"prompt": "x", "options": {"rejectIfBusy": reject}}).encode()
            gate.open()
            return await rest.answer(service, FetchRequest("POST", f"{AI}/run/{PHI}", (), body), 1_000)

    gate = Gate()
    engine = ScriptedEngine(["held", "free"], gate=gate, max_running=0)
    response = asyncio.run(run())
    assert response.status == (429 if reject else 200)
    if reject:
        assert error_of(response)[1] == 3040
        assert dict(response.headers)["retry-after"] == "1"


def test_paging_tells_what_it_is_a_page_of(make_service) -> None:
    """WA-122"""
    body = json.loads(ask(make_service, "GET", f"{AI}/models/search?per_page=2&page=2").body)
    info = body["result_info"]
    assert (info["page"], info["per_page"], info["count"]) == (2, 2, len(body["result"]))
    assert info["total_pages"] == -(-info["total_count"] // 2)


def test_tasks_and_authors_are_those_of_the_catalog(make_service) -> None:
    tasks = json.loads(ask(make_service, "GET", f"{AI}/tasks/search").body)["result"]
    authors = json.loads(ask(make_service, "GET", f"{AI}/authors/search").body)["result"]
    assert "Text Generation" in [task["name"] for task in tasks]
    assert {"name": "microsoft"} in authors


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("authorization", "Bearer wrong"),),
        (("authorization", "Basic secret"),),
        (("x-auth-email", "a@example.com"), ("x-auth-key", "wrong")),
    ],
)
def test_without_the_right_token_nothing_is_answered(make_service, headers: tuple[tuple[str, str], ...]) -> None:
    """WA-117"""
    request = FetchRequest("GET", f"{AI}/models/search", headers)
    response = asyncio.run(rest.answer(make_service(ScriptedEngine()), request, 1_000, Access("secret")))
    assert response.status == 401
    body = {"result": None, "success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}
    assert list(json.loads(response.body).items()) == list((body | {"messages": []}).items())


@pytest.mark.parametrize(
    "header",
    [("Authorization", "bearer secret"), ("X-Auth-Key", "secret"), ("X-Auth-User-Service-Key", "secret")],
)
def test_the_token_may_come_in_any_of_the_apis_headers(make_service, header: tuple[str, str]) -> None:
    """WA-117"""
    request = FetchRequest("GET", f"{AI}/models/search", (header,))
    response = asyncio.run(rest.answer(make_service(ScriptedEngine()), request, 1_000, Access("secret")))
    assert response.status == 200


def test_where_no_token_is_set_any_will_do(make_service) -> None:
    """WA-117"""
    request = FetchRequest("GET", f"{AI}/models/search", (("authorization", "Bearer anything"),))
    assert asyncio.run(rest.answer(make_service(ScriptedEngine()), request, 1_000)).status == 200


BOUNDARY = "xyz"


def form(*parts: tuple[str, bytes]) -> FetchRequest:
    """A form; a part is what stands behind `form-data;`, further headers included, and its content."""
    pieces = [
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    ]
    body = b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()
    return FetchRequest(
        "POST", f"{AI}/tomarkdown", (("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"),), body
    )


def test_files_of_a_form_are_converted_each_for_itself(make_service) -> None:
    """WA-130"""
    request = form(
        ('name="files"; filename="a.html"\r\nContent-Type: text/html', b"<h1>x</h1><p>y"),
        ('name="files"; filename="bad.pdf"\r\nContent-Type: application/pdf', b"\0\r\n\xff"),
        ('name="files[]"; filename="c\u00e9.md"', b"# z"),
        ('name="conversionOptions"', b'{"html": {"cssSelector": "h1"}, "unknown": 1}'),
    )
    response = asyncio.run(rest.answer(make_service(ScriptedEngine()), request, 10_000))
    body = json.loads(response.body)
    assert (response.status, body["success"], body["errors"]) == (200, True, [])
    assert [(item["name"], item["format"]) for item in body["result"]] == [
        ("a.html", "markdown"),
        ("bad.pdf", "error"),
        ("c\u00e9.md", "markdown"),
    ]
    assert [body["result"][0]["data"], body["result"][2]["data"]] == ["# x", "# z"]


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (form(), 3003, "files"),
        (form(('name="other"; filename="a"', b"x")), 3003, "files"),
        (form(('name="files"; filename="a"', b"x"), ('name="conversionOptions"', b"{")), 5006, "not valid json"),
        (form(('name="files"; filename="a"', b"x"), ('name="conversionOptions"', b"[]")), 5006, "conversionOptions"),
        (FetchRequest("POST", f"{AI}/tomarkdown", (), b"x"), 3003, "content-type"),
        (FetchRequest("POST", f"{AI}/tomarkdown", (("content-type", "application/json"),), b"{}"), 5006, "multipart"),
    ],
)
def test_a_form_that_asks_for_nothing_sensible_is_refused(make_service, request_, code: int, text: str) -> None:
    response = asyncio.run(rest.answer(make_service(ScriptedEngine()), request_, 10_000))
    assert error_of(response)[:2] == (400, code)
    assert text in error_of(response)[2]


def test_formats_of_conversion_are_listed(make_service) -> None:
    result = json.loads(ask(make_service, "GET", f"{AI}/tomarkdown/supported").body)["result"]
    assert {"extension": ".csv", "mimeType": "text/csv"} in result
