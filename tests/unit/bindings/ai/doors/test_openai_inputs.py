import pytest

from paddock.bindings.ai.doors.openai_inputs import chat_inputs, completion_inputs
from paddock.bindings.errors import OptionUnsupported


def content_of(message: dict) -> object:
    return chat_inputs({"messages": [message]})["messages"][0]["content"]


def test_nulls_the_model_and_mere_defaults_are_left_out() -> None:
    body = {"model": "m", "messages": [], "stop": None, "n": None, "response_format": {"type": "text"}, "user": "u"}
    assert chat_inputs(body) == {"messages": [], "user": "u"}


def test_text_parts_become_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert content_of({"role": "user", "content": parts}) == "ab"


def test_other_parts_are_left_to_the_models_schema() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]
    assert content_of({"role": "user", "content": parts}) == parts


@pytest.mark.parametrize("message", [{"content": None}, {}])
def test_calls_without_content_get_an_empty_one(message: dict) -> None:
    assert content_of({"role": "assistant", "tool_calls": [{"id": "x"}], **message}) == ""


def test_developers_speak_as_the_system() -> None:
    assert chat_inputs({"messages": [{"role": "developer", "content": "a"}]})["messages"][0]["role"] == "system"


def test_what_is_no_message_is_left_to_the_models_schema() -> None:
    assert chat_inputs({"messages": ["x"]}) == {"messages": ["x"]}


def test_one_prompt_in_a_list_is_a_prompt() -> None:
    assert completion_inputs({"prompt": ["a"], "echo": False, "best_of": 1}) == {
        "prompt": "a", "echo": False, "best_of": 1,
    }  # fmt: skip


@pytest.mark.parametrize("body", [{"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {"echo": True}, {"best_of": 3}])
def test_what_would_be_another_answer_is_refused(body: dict) -> None:
    with pytest.raises(OptionUnsupported):
        completion_inputs({"prompt": "a", **body})
