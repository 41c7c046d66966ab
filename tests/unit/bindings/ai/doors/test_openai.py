import asyncio
import json
from contextlib import aclosing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paddock.bindings.ai.doors import openai
from paddock.bindings.ai.doors.access import Access
from paddock.bindings.ai.engines.protocol import EngineRequest, SamplingParams
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.binding import FetchRequest, FetchResponse
from paddock.bindings.errors import EngineOverloaded, EngineUnavailable

V1 = "http://localhost:8787/client/v4/accounts/acc/ai/v1"
PHI = "@cf/microsoft/phi-2"
CHAT = {"model": PHI, "messages": [{"role": "user", "content": "hi"}]}


def ask(make_service, path: str, body: object = None, method: str = "POST", replies=("hello",)) -> FetchResponse:
    data = b"" if body is None else json.dumps(body).encode()
    request = FetchRequest(method, f"{V1}/{path}", (), data)
    return asyncio.run(openai.answer(make_service(ScriptedEngine(replies)), request, 1_000_000))


def value(response: FetchResponse) -> dict:
    return json.loads(response.body)


def test_a_native_model_answers_with_a_bare_chat_completion(make_service) -> None:
    """WA-127"""
    response = ask(make_service, "chat/completions", CHAT)
    body = value(response)
    assert (response.status, body["object"], body["choices"][0]["message"]["content"]) == (
        200,
        "chat.completion",
        "hello",
    )
    assert "success" not in body


def test_a_prompt_is_answered_with_a_text_completion(make_service) -> None:
    body = value(ask(make_service, "completions", {"model": PHI, "prompt": ["hi"]}))
    assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "hello")


def test_several_choices_are_several_generations(make_service) -> None:
    body = value(ask(make_service, "chat/completions", CHAT | {"n": 2}, replies=("a", "b")))
    assert sorted(choice["message"]["content"] for choice in body["choices"]) == ["a", "b"]


@pytest.mark.parametrize("schema", [{"type": "object"}, {"name": "x", "schema": {"type": "object"}}])
def test_json_schemas_are_taken_bare_and_wrapped(make_service, schema: dict) -> None:
    """WA-072, WA-073"""
    body = CHAT | {"response_format": {"type": "json_schema", "json_schema": schema}}
    answer = value(ask(make_service, "chat/completions", body, replies=('{"a": 1}',)))
    assert answer["choices"][0]["message"]["content"] == '{"a": 1}'


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (CHAT | {"model": "@cf/x/y"}, 400, 5007),
        ({"messages": []}, 400, 5006),
        ([], 400, 5006),
        (CHAT | {"model": "@cf/meta/llama-2-7b-chat-fp16", "temperature": 9}, 400, 5006),
        (CHAT | {"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, 5006),
        (CHAT | {"n": 0}, 400, 5006),
        (CHAT | {"response_format": {"type": "json_object"}, "stream": True}, 400, 5023),
    ],
)
def test_a_failure_comes_in_cloudflares_envelope(make_service, body, status, code) -> None:
    """WA-066, WA-074, WA-113"""
    response = ask(make_service, "chat/completions", body)
    assert (response.status, value(response)["success"], value(response)["errors"][0]["code"]) == (status, False, code)


def test_a_failure_says_the_same_where_openais_clients_look(make_service) -> None:
    """WA-113: Python's SDK shows the inside of `error`, so that repeats what production's body has there."""
    body = value(ask(make_service, "chat/completions", CHAT | {"model": "@cf/x/y"}))
    (found,) = body["errors"]
    assert body["error"] == {
        "message": found["message"],
        "type": "invalid_request_error",
        "param": None,
        "code": "5007",
        "errors": [found],
    }


@pytest.mark.parametrize(
    ("reply", "kind"), [(EngineOverloaded(), "rate_limit_error"), (EngineUnavailable("none"), "server_error")]
)
def test_a_failure_of_the_engine_has_openais_type(make_service, reply: Exception, kind: str) -> None:
    body = value(ask(make_service, "chat/completions", CHAT, replies=(reply,)))
    assert body["error"]["type"] == kind


def test_without_the_token_nothing_is_answered(make_service) -> None:
    """WA-117"""
    request = FetchRequest("GET", f"{V1}/models", (), b"")
    response = asyncio.run(openai.answer(make_service(ScriptedEngine()), request, 1_000, Access("right")))
    assert (response.status, value(response)["error"]["type"]) == (401, "authentication_error")


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
@pytest.mark.parametrize("reject", [True, False])
def test_reject_if_busy_refuses_where_a_call_would_wait(make_service, path: str, reject: bool) -> None:
    """WA-131"""

    async def run() -> FetchResponse:
        service = make_service(engine)
        service.engines.serving(service.catalog.card(PHI))
        async with aclosing(engine.generate(EngineRequest(SamplingParams(1), prompt="held"))) as held:
            gate.let()
            await anext(held)
            body = json.dumps(CHAT | {"input": "hi", "options": {"rejectIfBusy": reject}}).encode()
            gate.open()
            return await openai.answer(service, FetchRequest("POST", f"{V1}/{path}", (), body), 1_000)

    gate = Gate()
    engine = ScriptedEngine(["held", "free"], gate=gate, max_running=0)
    response = asyncio.run(run())
    assert response.status == (429 if reject else 200)


def test_a_failing_choice_fails_the_call_with_its_own_error(make_service) -> None:
    response = ask(make_service, "chat/completions", CHAT | {"n": 2}, replies=("a",))
    assert (response.status, value(response)["errors"][0]["code"]) == (500, 1000)
    assert "no reply for request 2" in value(response)["errors"][0]["message"]


def test_models_are_listed_and_found(make_service) -> None:
    listed = value(ask(make_service, "models", method="GET"))
    item = next(item for item in listed["data"] if item["id"] == PHI)
    assert (listed["object"], item["object"], item["owned_by"]) == ("list", "model", "microsoft")
    assert value(ask(make_service, "models/" + PHI.replace("/", "%2F"), method="GET")) == item
    assert ask(make_service, "models/@cf/x/y", method="GET").status == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "chat/completions", 405, 7001), ("POST", "models", 405, 7001), ("POST", "audio/speech", 404, 7000)],
)
def test_wrong_routes_and_methods_have_the_platforms_codes(make_service, method, path, status, code) -> None:
    """WA-118"""
    response = ask(make_service, path, {}, method)
    assert (response.status, value(response)["errors"][0]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("TRACE", "chat/completions", 405, "POST, OPTIONS"),
        ("OPTIONS", "responses", 204, "POST, OPTIONS"),
        ("OPTIONS", "models", 204, "GET, HEAD, OPTIONS"),
        ("DELETE", "models/x", 405, "GET, HEAD, OPTIONS"),
    ],
)
def test_a_path_tells_its_methods(make_service, method, path, status, allowed) -> None:
    response = ask(make_service, path, {}, method)
    assert (response.status, dict(response.headers)["allow"]) == (status, allowed)


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("models", None, "Production has no such path below /ai/v1: it answers with 405 and code 7001."),
        ("responses", {"model": PHI, "input": "x"}, "Production has /ai/v1/responses for gpt-oss models only."),
        ("chat/completions", {"model": PHI, "messages": [{"role": "user", "content": "x"}]}, None),
    ],
)
def test_what_only_paddock_has_says_so(make_service, path: str, body, text: str | None) -> None:
    response = ask(make_service, path, body or {}, "POST" if body else "GET")
    assert (response.status, dict(response.headers).get("paddock-hint")) == (200, text)


def test_models_are_there_for_head(make_service) -> None:
    assert ask(make_service, "models", {}, "HEAD").status == 200


NAMES = [
    "messages",
    "prompt",
    "input",
    "text",
    "format",
    "role",
    "content",
    "type",
    "tool_calls",
    "stop",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "response_format",
    "json_schema",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "best_of",
]
TYPES = st.sampled_from(["text", "input_text", "message", "json_schema", "json_object", "user", "developer"])


def objects(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), values | TYPES, max_size=4)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=8)


@pytest.mark.parametrize("path", ["chat/completions", "completions", "responses"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=objects(ANYTHING), messages=st.lists(objects(ANYTHING), max_size=2))
def test_no_body_is_an_internal_error(make_service, path: str, body: dict, messages: list) -> None:
    """Whatever comes is answered, or refused with a reason."""
    asked = {"messages": messages, "input": messages, **body, "model": PHI}
    replies = ["{}"] * 128
    assert ask(make_service, path, asked, replies=replies).status < 500
