"""The Vercel AI SDK over HTTP, with Cloudflare's provider for it and with the one for OpenAI-compatible APIs."""

import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.errors import EngineOverloaded

pytestmark = pytest.mark.clients

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
WORKERS_AI = "workers-ai-provider"
COMPATIBLE = "@ai-sdk/openai-compatible"
WHAT = "generateText, streamText, documents, tools, usage, finish reasons, errors, leaving, 8 at once"
PROVIDERS = [pytest.param(name, marks=pytest.mark.clients(name, "ai", what=WHAT)) for name in (WORKERS_AI, COMPATIBLE)]


@pytest.fixture(scope="module")
def sdk(node_client):
    return node_client("ai_sdk", "ai", WORKERS_AI, COMPATIBLE, "zod")


@pytest.fixture(params=PROVIDERS)
def provider(request) -> dict[str, str]:
    return {"provider": request.param}


@pytest.mark.parametrize("model", [PHI, LLAMA])
def test_an_answer_streams_and_comes_whole(sdk, real, provider, model: str) -> None:
    """WA-069"""
    whole = sdk("generate", url=real, model=model, **provider)
    streamed = sdk("stream", url=real, model=model, **provider)
    assert "".join(streamed["pieces"]) == whole["text"] != ""
    assert 5 < len(streamed["pieces"]) <= whole["usage"]["outputTokens"]
    assert (streamed["usage"], streamed["finishReason"]) == (whole["usage"], "stop")
    assert (whole["finishReason"], whole["warnings"]) == ("stop", [])


def test_a_conversation_with_a_system_text_reaches_the_model(sdk, scripted, provider) -> None:
    engine = ScriptedEngine(["yes"])
    turns = [{"role": role, "content": text} for role, text in [("user", "a"), ("assistant", "b"), ("user", "c")]]
    asked = {"instructions": "Be brief.", "messages": turns, "prompt": None}
    answer = scripted(engine, lambda url: sdk("generate", url=url, model=LLAMA, **provider, **asked))
    assert answer["text"] == "yes"
    assert [(message.role, message.content) for message in engine.requests[0].messages or ()] == [
        ("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c"),
    ]  # fmt: skip


def test_a_cut_answer_says_so_where_the_shape_has_room(sdk, real) -> None:
    answer = sdk("generate", url=real, model=LLAMA, provider=COMPATIBLE, maxOutputTokens=3)
    assert (answer["finishReason"], answer["usage"]["outputTokens"]) == ("length", 3)


@pytest.mark.parametrize("call", ["document", "object"])
def test_a_document_keeps_to_its_schema(sdk, real, call: str) -> None:
    """WA-073"""
    document = sdk(call, url=real, model=LLAMA, provider=COMPATIBLE)
    assert document["name"] in ("Kiel", "Bergen")
    assert isinstance(document["isOpen"], bool)


@pytest.mark.parametrize("call", ["generate", "failStream"])
@pytest.mark.parametrize(
    ("reply", "asked", "status", "code"),
    [
        ("", {"model": "@cf/x/y"}, 400, 5007),
        ("", {"model": LLAMA, "temperature": 9}, 400, 5006),
        (EngineOverloaded(), {"model": LLAMA}, 429, 3040),
    ],
)
def test_failures_are_api_errors_with_their_reason(sdk, scripted, provider, reply, asked, status, code, call) -> None:
    """WA-066, WA-113, WA-132"""
    refusal = scripted(ScriptedEngine([reply]), lambda url: sdk.refusal(call, url=url, **provider, **asked))
    assert (refusal.type, refusal.status) == ("APICallError", status)
    assert f'"code":{code}' in refusal.body
    assert "AiError: " in refusal.message


def test_it_tries_again_when_the_queue_was_full(sdk, scripted, provider) -> None:
    """WA-131"""
    engine = ScriptedEngine([EngineOverloaded(), "free"])
    answer = scripted(engine, lambda url: sdk("generate", url=url, model=LLAMA, maxRetries=1, **provider))
    assert answer["text"] == "free"


def test_leaving_a_stream_aborts_the_generation(sdk, scripted, provider) -> None:
    """WA-065"""
    gate = Gate()
    gate.let(1)
    engine = ScriptedEngine(["one two three"], gate=gate)
    ask = lambda url: sdk("leave", url=url, model=LLAMA, **provider)  # noqa: E731
    assert scripted(engine, ask, after=lambda: engine.aborts) == "one"


def test_8_calls_are_answered_at_once(sdk, scripted, provider, eight) -> None:
    assert scripted(eight, lambda url: sdk("parallel", count=8, url=url, model=LLAMA, **provider)) == ["yes"] * 8
