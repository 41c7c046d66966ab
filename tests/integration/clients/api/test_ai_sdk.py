"""The Vercel AI SDK over HTTP, with Cloudflare's provider for it and with the one for OpenAI-compatible APIs."""

import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine, Thought
from paddock.bindings.errors import EngineOverloaded

pytestmark = pytest.mark.clients

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"
WORKERS_AI = "workers-ai-provider"
COMPATIBLE = "@ai-sdk/openai-compatible"
WHAT = "over HTTP: generateText, streamText, documents, tools, usage, finish reasons, errors, leaving, 8 at once"
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


@pytest.mark.clients(COMPATIBLE, "ai", what=WHAT)
def test_a_cut_answer_says_so_where_the_shape_has_room(sdk, real) -> None:
    answer = sdk("generate", url=real, model=LLAMA, provider=COMPATIBLE, maxOutputTokens=3)
    assert (answer["finishReason"], answer["usage"]["outputTokens"]) == ("length", 3)


@pytest.mark.parametrize("call", ["document", "object"])
def test_a_document_keeps_to_its_schema(sdk, real, provider, call: str) -> None:
    """WA-072, WA-073"""
    document = sdk(call, url=real, model=LLAMA3, **provider)
    assert document["name"] in ("Kiel", "Bergen")
    assert isinstance(document["isOpen"], bool)


@pytest.mark.clients(WORKERS_AI, "ai", what=WHAT)
def test_a_document_comes_in_json_mode(sdk, scripted) -> None:
    """WA-072"""
    engine = ScriptedEngine(['{"name":"Kiel","isOpen":true}'])
    document = scripted(engine, lambda url: sdk("document", url=url, model=LLAMA3, provider=WORKERS_AI))
    assert document == {"name": "Kiel", "isOpen": True}
    assert "isOpen" in (engine.requests[0].sampling.json_schema or "")


def test_a_streamed_document_is_refused_as_in_production(sdk, scripted, provider) -> None:
    """WA-074"""
    refusal = scripted(ScriptedEngine(), lambda url: sdk.refusal("streamDocument", url=url, model=LLAMA3, **provider))
    assert '"code":5023' in refusal.body


@pytest.mark.parametrize("model", [LLAMA3, QWEN])
@pytest.mark.parametrize("call", ["act", "streamAct"])
def test_it_acts_with_a_tool(sdk, scripted, provider, caller, model: str, call: str) -> None:
    """WA-070, WA-078, WA-079, WA-080, WA-081"""
    done = scripted(caller, lambda url: sdk(call, url=url, model=model, **provider))
    # A whole answer in the native shape has no reason: the provider takes it for `stop`.
    has_reason = call == "streamAct" or model == QWEN or provider["provider"] == COMPATIBLE
    reasons = ["tool-calls" if has_reason else "stop", "stop"]
    assert done == {"text": "I hear: Sunny in Kiel.", "places": ["Kiel"], "reasons": reasons}


@pytest.mark.parametrize("model", [LLAMA3, QWEN])
@pytest.mark.parametrize("call", ["act", "streamAct"])
def test_it_acts_with_the_real_engine(sdk, real, provider, model: str, call: str) -> None:
    """WA-070, WA-079, WA-080, WA-081"""
    done = sdk(call, url=real, model=model, **provider)
    assert done["places"] == ["Kiel"]
    assert done["text"].strip()


@pytest.mark.parametrize("call", ["think", "streamThink"])
def test_the_real_engine_thinks(sdk, real, provider, call: str) -> None:
    answer = sdk(call, url=real, model=QWEN, **provider)
    assert answer["text"].strip()
    assert answer["reasoningText"].strip()


@pytest.mark.parametrize("call", ["think", "streamThink"])
def test_thoughts_come_beside_the_text(sdk, scripted, provider, call: str) -> None:
    engine = ScriptedEngine([[Thought("Hm."), "Yes."]])
    answer = scripted(engine, lambda url: sdk(call, url=url, model=QWEN, **provider))
    assert answer == {"text": "Yes.", "reasoningText": "Hm."}


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
    """WA-066, WA-113"""
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
    assert (
        scripted(engine, lambda url: sdk("leave", url=url, model=LLAMA, **provider), after=lambda: engine.aborts)
        == "one"
    )


def test_8_calls_are_answered_at_once(sdk, scripted, provider, eight) -> None:
    assert scripted(eight, lambda url: sdk("parallel", count=8, url=url, model=LLAMA, **provider)) == ["yes"] * 8
