"""OpenAI's SDK for JavaScript."""

import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.errors import EngineOverloaded, EngineUnavailable

pytestmark = pytest.mark.clients(
    "openai (npm)", what="chat, completions, responses, models, documents, tools, errors, leaving, 8 at once"
)

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"


@pytest.fixture(scope="module")
def openai(node_client):
    return node_client("openai_sdk", "openai", "zod")


@pytest.mark.parametrize("model", [PHI, LLAMA, LLAMA3, QWEN, GEMMA])
def test_a_chat_streams_and_comes_whole(openai, real, model: str) -> None:
    """WA-127"""
    whole = openai("chat", url=real, model=model)
    *chunks, counts = openai("streamChat", url=real, model=model)
    choice = whole["choices"][0]
    assert (choice["finish_reason"], whole["model"]) == ("stop", model)
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == choice["message"]["content"] != ""
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert counts["usage"] == whole["usage"]
    gathered = openai("gather", url=real, model=model)
    assert gathered["choices"][0]["message"]["content"] == text


def test_a_completion_streams_and_comes_whole(openai, real) -> None:
    whole = openai("complete", url=real, model=PHI)
    assert "".join(openai("streamComplete", url=real, model=PHI)) == whole["choices"][0]["text"] != ""
    assert openai("complete", url=real, model=PHI, max_tokens=2)["choices"][0]["finish_reason"] == "length"


def test_a_response_streams_and_comes_whole(openai, real) -> None:
    """Production serves these for gpt-oss models only; here every text model does."""
    whole = openai("respond", url=real, model=LLAMA)
    streamed = openai("streamRespond", url=real, model=LLAMA)
    assert streamed["final"]["output_text"] == whole["output_text"] != ""
    deltas = [event["delta"] for event in streamed["events"] if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == whole["output_text"]
    assert streamed["final"]["usage"] == whole["usage"]


def test_several_choices_are_several_answers(openai, real) -> None:
    answer = openai("chat", url=real, model=LLAMA, n=2, temperature=1, seed=3)
    first, second = (choice["message"]["content"] for choice in answer["choices"])
    assert first != second


def test_logprobs_come_for_every_token(openai, real) -> None:
    answer = openai("chat", url=real, model=LLAMA, logprobs=True, top_logprobs=2)
    tokens = answer["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens).startswith(answer["choices"][0]["message"]["content"])
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)


def test_a_document_is_parsed(openai, real) -> None:
    """WA-073"""
    document = openai("parse", url=real, model=LLAMA)
    assert document["name"] in ("Kiel", "Bergen")
    assert isinstance(document["isOpen"], bool)


def test_a_model_that_reasons_gives_its_thoughts(openai, real) -> None:
    answer = openai("chat", url=real, model=QWEN)["choices"][0]["message"]
    assert answer["reasoning_content"].strip()
    assert answer["content"].strip()
    streamed = openai("gather", url=real, model=QWEN)["choices"][0]["message"]
    assert streamed["content"] == answer["content"]


def test_models_are_listed_and_found(openai, real) -> None:
    assert {PHI, LLAMA} <= set(openai("models", url=real))
    assert openai("model", url=real, id=PHI)["owned_by"] == "microsoft"


@pytest.mark.parametrize("model", [LLAMA3, QWEN])
@pytest.mark.parametrize("stream", [False, True])
def test_it_acts_with_a_tool(openai, scripted, caller, model: str, stream: bool) -> None:
    """WA-070, WA-080, WA-081"""
    done = scripted(caller, lambda url: openai("act", url=url, model=model, stream=stream))
    assert done == {"text": "I hear: Sunny in Kiel.", "places": ["Kiel"]}


@pytest.mark.parametrize("model", [LLAMA3, QWEN, GEMMA])
@pytest.mark.parametrize("stream", [False, True])
def test_it_acts_with_the_real_engine(openai, real, model: str, stream: bool) -> None:
    """WA-070, WA-080, WA-081"""
    done = openai("act", url=real, model=model, stream=stream)
    assert done["places"] == ["Kiel"]
    assert done["text"].strip()


def test_a_response_has_calls_and_takes_their_outputs(openai, scripted, caller) -> None:
    parameters = {"type": "object", "properties": {"place": {"type": "string"}}}
    tool = {"type": "function", "name": "weather", "parameters": parameters, "strict": True}
    items = [{"role": "user", "content": "What is the weather in Kiel?"}]

    def use(url: str) -> str:
        first = openai("respond", url=url, model=QWEN, input=items, tools=[tool])
        (call,) = [item for item in first["output"] if item["type"] == "function_call"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Sunny in Kiel."}
        return openai("respond", url=url, model=QWEN, input=[*items, *first["output"], output], tools=[tool])[
            "output_text"
        ]

    assert scripted(caller, use) == "I hear: Sunny in Kiel."


@pytest.mark.parametrize(
    ("reply", "asked", "error", "status", "code"),
    [
        ("", {"model": "@cf/x/y"}, "BadRequestError", 400, "5007"),
        ("", {"model": LLAMA, "temperature": 9}, "BadRequestError", 400, "5006"),
        ("", {"model": LLAMA, "max_tokens": 9000}, "APIError", 413, "5021"),
        (EngineOverloaded(), {"model": LLAMA}, "RateLimitError", 429, "3040"),
        (EngineUnavailable("no engine"), {"model": LLAMA}, "InternalServerError", 503, "1000"),
    ],
)
def test_failures_have_its_classes_and_their_reason(openai, scripted, reply, asked, error, status, code) -> None:
    """WA-113"""
    engine = ScriptedEngine([reply], context_tokens=4096)
    refusal = scripted(engine, lambda url: openai.refusal("chat", url=url, **asked))
    assert (refusal.type, refusal.status, refusal.code) == (error, status, code)
    assert "AiError: " in refusal.message


def test_it_tries_again_when_the_queue_was_full(openai, scripted) -> None:
    """WA-131: after as long as `retry-after` says"""
    engine = ScriptedEngine([EngineOverloaded(), "free"])
    answer = scripted(engine, lambda url: openai("chat", url=url, model=LLAMA, maxRetries=1))
    assert answer["choices"][0]["message"]["content"] == "free"


def test_a_text_gets_its_vector(openai, real) -> None:
    """WA-128"""
    (item,) = openai("embed", url=real, model="@cf/baai/bge-base-en-v1.5")["data"]
    assert len(item["embedding"]) == 768


def test_leaving_a_stream_aborts_the_generation(openai, scripted) -> None:
    """WA-065"""
    gate = Gate()
    gate.let(1)
    engine = ScriptedEngine(["one two three"], gate=gate)
    assert scripted(engine, lambda url: openai("leave", url=url, model=LLAMA), after=lambda: engine.aborts) == "one"


def test_8_calls_are_answered_at_once(openai, scripted, eight) -> None:
    assert scripted(eight, lambda url: openai("parallel", count=8, url=url, model=LLAMA)) == ["yes"] * 8


def test_8_calls_of_the_real_engine_are_answered_alike(openai, real) -> None:
    answers = openai("parallel", count=8, url=real, model=LLAMA, temperature=0)
    assert len(answers) == 8
    assert all("lighthouses" in answer for answer in answers)
