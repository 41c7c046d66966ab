"""LangChain with Cloudflare's package for it, over the native endpoint and the OpenAI-compatible one."""

import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.errors import EngineOverloaded

pytestmark = pytest.mark.clients(
    "langchain-cloudflare", what="both endpoint formats: invoke, stream, batch, conversations, documents, tools, errors"
)

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"


@pytest.fixture(scope="module")
def langchain(python_client):
    return python_client("langchain_chat", "langchain_cloudflare")


@pytest.fixture(params=["workers_ai", "openai_compatible"])
def form(request) -> dict[str, str]:
    return {"endpoint_format": request.param}


@pytest.mark.parametrize("model", [PHI, LLAMA])
def test_an_answer_streams_and_comes_whole(langchain, real, form, model: str) -> None:
    """WA-126, WA-127"""
    whole = langchain("invoke", url=real, model=model, **form)
    pieces = langchain("stream", url=real, model=model, **form)
    assert "".join(pieces) == whole["text"] != ""
    assert 5 < len([piece for piece in pieces if piece]) <= whole["usage"]["output_tokens"]
    assert whole["metadata"]["model_name"] == model


def test_the_asynchronous_calls_answer_alike(langchain, real, form) -> None:
    given = {"url": real, "model": LLAMA, **form}
    assert langchain("astream", **given) == langchain("stream", **given)


def test_a_conversation_reaches_the_model(langchain, scripted, form) -> None:
    engine = ScriptedEngine(["yes"])
    assert scripted(engine, lambda url: langchain("converse", url=url, model=LLAMA, **form)) == "yes"
    turns = [(message.role, message.content) for message in engine.requests[0].messages or ()]
    assert turns == [
        ("user", "Hello."),
        ("assistant", "Hello to you."),
        ("user", "Tell me about lighthouses."),
    ]


def test_a_batch_of_8_is_answered_at_once(langchain, scripted, form, eight) -> None:
    assert scripted(eight, lambda url: langchain("batch", count=8, url=url, model=LLAMA, **form)) == ["yes"] * 8


def test_leaving_a_stream_aborts_the_generation(langchain, scripted, form) -> None:
    """WA-065"""
    gate = Gate()
    gate.let(1)
    engine = ScriptedEngine(["one two three"], gate=gate)
    ask = lambda url: langchain("leave", url=url, model=LLAMA, **form)  # noqa: E731
    assert scripted(engine, ask, after=lambda: engine.aborts) == "one"


@pytest.mark.parametrize(
    ("reply", "model", "status", "code"),
    [("", "@cf/x/y", 400, 5007), (EngineOverloaded(), LLAMA, 429, 3040)],
)
def test_failures_have_production_s_status_and_number(langchain, scripted, form, reply, model, status, code) -> None:
    """WA-113, WA-132"""
    refusal = scripted(ScriptedEngine([reply]), lambda url: langchain.refusal("invoke", url=url, model=model, **form))
    assert (refusal.type, refusal.status) == ("HTTPStatusError", status)
    assert f'"code":{code}' in refusal.body


def test_embeddings_are_refused_with_the_reason(langchain, real) -> None:
    refusal = langchain.refusal("embed", url=real)
    assert (refusal.type, refusal.status) == ("HTTPError", 400)
    assert "No such model @cf/baai/bge-base-en-v1.5 or task" in refusal.body
