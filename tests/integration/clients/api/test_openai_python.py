"""OpenAI's SDK for Python against the real engine; `../test_openai_client.py` has the scripted one."""

import pytest

pytestmark = pytest.mark.clients(
    "openai (Python)",
    what="chat, completions, responses, models, documents, tools, errors, 8 at once; scripted in `make test`",
)

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"


@pytest.fixture(scope="module")
def openai(python_client):
    return python_client("openai_sdk", "openai")


@pytest.mark.parametrize("model", [PHI, LLAMA])
def test_a_chat_streams_and_comes_whole(openai, real, model: str) -> None:
    """WA-127"""
    whole = openai("chat", url=real, model=model)
    *chunks, counts = openai("stream_chat", url=real, model=model)
    text = whole["choices"][0]["message"]["content"]
    assert "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in chunks) == text != ""
    assert chunks[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"] == "stop"
    assert counts["usage"] == whole["usage"]
    assert openai("gather", url=real, model=model) == text


def test_a_completion_streams_and_comes_whole(openai, real) -> None:
    assert openai("stream_complete", url=real, model=PHI) == openai("complete", url=real, model=PHI) != ""


def test_a_response_streams_and_comes_whole(openai, real) -> None:
    """Production serves these for gpt-oss models only; here every text model does."""
    whole = openai("respond", url=real, model=LLAMA)
    streamed = openai("stream_respond", url=real, model=LLAMA)
    assert "".join(streamed.pop("deltas")) == whole["text"] != ""
    assert streamed == whole


@pytest.mark.parametrize("model", [LLAMA3, QWEN])
def test_a_call_is_parsed_whole_and_streamed(openai, real, model: str) -> None:
    """WA-070, WA-080"""
    asked = {"model": model, "tool_choice": "required", "parallel_tool_calls": False}
    whole = openai("call", url=real, **asked)
    streamed = openai("stream_call", url=real, **asked)
    assert [(name, set(arguments)) for name, arguments in whole["calls"]] == [("Weather", {"place"})]
    assert streamed.pop("pieces")
    assert streamed == whole
    assert whole["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("call", ["parse", "parse_response"])
def test_a_document_is_parsed(openai, real, call: str) -> None:
    """WA-073"""
    document = openai(call, url=real, model=LLAMA)
    assert document["name"] in ("Kiel", "Bergen")
    assert isinstance(document["is_open"], bool)


def test_models_are_listed(openai, real) -> None:
    assert {PHI, LLAMA} <= set(openai("models", url=real))


def test_a_refusal_has_its_class_number_and_text(openai, real) -> None:
    """WA-113"""
    refusal = openai.refusal("chat", url=real, model="@cf/x/y")
    assert (refusal.type, refusal.status, refusal.code) == ("BadRequestError", 400, "5007")
    assert "No such model @cf/x/y or task" in refusal.message


def test_a_text_gets_its_vector(openai, real) -> None:
    """WA-128: the client asks for base64, and shows numbers."""
    (item,) = openai("embed", url=real, model="@cf/baai/bge-base-en-v1.5")["data"]
    assert len(item["embedding"]) == 768
    assert abs(sum(number**2 for number in item["embedding"]) - 1) < 1e-4


def test_8_calls_are_answered_alike(openai, real) -> None:
    answers = openai("parallel", count=8, url=real, model=LLAMA, temperature=0)
    assert len(answers) == 8
    assert all("lighthouses" in answer for answer in answers)
