import pytest

from paddock.bindings.ai.doors.responses_inputs import responses_inputs
from paddock.bindings.errors import InputError, OptionUnsupported


def test_text_and_instructions_become_messages() -> None:
    assert responses_inputs({"model": "m", "input": "hi", "instructions": "be brief", "max_output_tokens": 9}) == {
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "max_completion_tokens": 9,
    }


def test_parts_of_text_are_joined() -> None:
    parts = [{"type": "input_text", "text": "a"}, {"type": "output_text", "text": "b"}]
    (message,) = responses_inputs({"input": [{"role": "developer", "content": parts}]})["messages"]
    assert message == {"role": "system", "content": "ab"}


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "name": "x", "schema": {"type": "object"}},
            {"type": "json_schema", "json_schema": {"type": "object"}},
        ),
    ],
)
def test_a_format_of_text_is_json_mode(wanted: dict, made: dict) -> None:
    assert responses_inputs({"input": "x", "text": {"format": wanted}})["response_format"] == made


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, InputError),
        ({"input": [1]}, InputError),
        ({"input": "x", "previous_response_id": "resp_1"}, OptionUnsupported),
        ({"input": [{"type": "function_call_output"}]}, InputError),
        ({"input": [{"type": "web_search_call"}]}, OptionUnsupported),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, OptionUnsupported),
    ],
)
def test_what_cannot_be_served_is_refused(body: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        responses_inputs(body)


def test_images_are_parts_of_messages() -> None:
    parts = [{"type": "input_text", "text": "What?"}, {"type": "input_image", "image_url": "data:x", "detail": "auto"}]
    (message,) = responses_inputs({"input": [{"role": "user", "content": parts}]})["messages"]
    assert message["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": "data:x"}},
    ]


def test_thoughts_calls_and_outputs_become_turns() -> None:
    """WA-081"""
    call = {"type": "function_call", "call_id": "c1", "name": "time", "arguments": "{}"}
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    output = {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "noon"}]}
    body = {"input": [{"role": "user", "content": "x"}, thought, call, call, output, {"role": "user", "content": "y"}]}
    function = {"id": "c1", "type": "function", "function": {"name": "time", "arguments": "{}"}}
    assert responses_inputs(body)["messages"] == [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "", "tool_calls": [function, function], "reasoning": "hm"},
        {"role": "tool", "tool_call_id": "c1", "content": "noon"},
        {"role": "user", "content": "y"},
    ]


def test_reasoning_effort_has_its_own_name_here() -> None:
    assert responses_inputs({"input": "x", "reasoning": {"effort": "low"}})["reasoning_effort"] == "low"
