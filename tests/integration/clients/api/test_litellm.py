"""LiteLLM with its provider `cloudflare/`."""

import json

import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine, Thought
from paddock.bindings.errors import EngineOverloaded

pytestmark = pytest.mark.clients("litellm", what="completion, stream, documents, tools, errors, leaving, 8 at once")

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"
HARBOUR = {
    "type": "object",
    "properties": {"name": {"enum": ["Kiel", "Bergen"]}, "isOpen": {"type": "boolean"}},
    "required": ["name", "isOpen"],
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a place",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
        },
    },
}


@pytest.fixture(scope="module")
def litellm(python_client):
    return python_client("litellm_sdk", "litellm")


@pytest.mark.parametrize("model", [PHI, LLAMA])
def test_an_answer_streams_and_comes_whole(litellm, real, model: str) -> None:
    """WA-127"""
    whole = litellm("complete", url=real, model=model)
    chunks = litellm("stream", url=real, model=model)
    choice = whole["choices"][0]
    assert (choice["finish_reason"], whole["model"]) == ("stop", model)
    text = "".join(choice["delta"]["content"] or "" for chunk in chunks for choice in chunk["choices"])
    assert text == choice["message"]["content"] != ""
    assert chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"] > 5
    assert litellm("astream", url=real, model=model) == choice["message"]["content"]


def test_a_cut_answer_says_so(litellm, real) -> None:
    answer = litellm("complete", url=real, model=LLAMA, max_tokens=3)
    assert (answer["choices"][0]["finish_reason"], answer["usage"]["completion_tokens"]) == ("length", 3)


def test_a_stop_word_ends_the_answer(litellm, scripted) -> None:
    engine = ScriptedEngine(["one two three"])
    answer = scripted(engine, lambda url: litellm("complete", url=url, model=LLAMA, stop=["three"]))
    assert answer["choices"][0]["message"]["content"] == "one two "


def test_a_document_keeps_to_its_schema(litellm, real) -> None:
    """WA-073"""
    wanted = {"type": "json_schema", "json_schema": {"name": "harbour", "schema": HARBOUR, "strict": True}}
    answer = litellm("complete", url=real, model=LLAMA, response_format=wanted)
    document = json.loads(answer["choices"][0]["message"]["content"])
    assert document["name"] in ("Kiel", "Bergen")
    assert isinstance(document["isOpen"], bool)


@pytest.mark.parametrize("model", [LLAMA3, QWEN])
def test_it_acts_with_a_tool(litellm, scripted, caller, model: str) -> None:
    """WA-080, WA-081"""
    answer = scripted(caller, lambda url: litellm("act", url=url, model=model, tools=[WEATHER]))
    assert answer == 'I hear: Sunny: {"place":"Kiel"}'


@pytest.mark.parametrize("model", [LLAMA3, QWEN])
def test_it_acts_with_the_real_engine(litellm, real, model: str) -> None:
    """WA-080, WA-081"""
    assert litellm("act", url=real, model=model, tools=[WEATHER])


def test_a_stream_has_the_calls(litellm, scripted, caller) -> None:
    """WA-070"""
    chunks = scripted(caller, lambda url: litellm("stream", url=url, model=QWEN, tools=[WEATHER]))
    deltas = [call for chunk in chunks for choice in chunk["choices"] for call in choice["delta"]["tool_calls"] or ()]
    assert deltas[0]["function"]["name"] == "weather"
    assert "".join(delta["function"]["arguments"] for delta in deltas) == '{"place":"Kiel"}'
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert reasons == ["tool_calls"]


def test_thoughts_come_beside_the_text(litellm, scripted) -> None:
    engine = ScriptedEngine([[Thought("Hm."), "Yes."]])
    answer = scripted(engine, lambda url: litellm("complete", url=url, model=QWEN))
    message = answer["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Hm.", "Yes.")


@pytest.mark.parametrize(
    ("reply", "asked", "error", "status", "code"),
    [
        ("", {"model": "@cf/x/y"}, "BadRequestError", 400, 5007),
        ("", {"model": LLAMA, "temperature": 9}, "BadRequestError", 400, 5006),
        (EngineOverloaded(), {"model": LLAMA, "num_retries": 0}, "RateLimitError", 429, 3040),
    ],
)
def test_failures_have_its_classes_and_show_production_s_text(
    litellm, scripted, reply, asked, error: str, status: int, code: int
) -> None:
    """WA-113"""
    refusal = scripted(ScriptedEngine([reply]), lambda url: litellm.refusal("complete", url=url, **asked))
    assert (refusal.type, refusal.status) == (error, status)
    assert f'"code":{code}' in refusal.message


def test_leaving_a_stream_aborts_the_generation(litellm, scripted) -> None:
    """WA-065"""
    gate = Gate()
    gate.let(1)
    engine = ScriptedEngine(["one two three"], gate=gate)
    assert scripted(engine, lambda url: litellm("leave", url=url, model=LLAMA), after=lambda: engine.aborts) == "one"


def test_8_calls_are_answered_at_once(litellm, scripted, eight) -> None:
    assert scripted(eight, lambda url: litellm("parallel", count=8, url=url, model=LLAMA)) == ["yes"] * 8
