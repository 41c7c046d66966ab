"""The schemas of 2025 and 2026, with the verdicts and words that Cloudflare's published validator has for them.

Source: cabidela 0.2.4, run over these files in November 2026; only where schema_nodes.py says so do we differ.
"""

from typing import Any

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.tasks.text_generation.adapter import answers_as_chat
from paddock.bindings.errors import InputError

Json = dict[str, Any]

_CATALOG = Catalog.read([SHIPPED_CATALOG])
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"
both = pytest.mark.parametrize("model", [LLAMA, QWEN])

_HI: Json = {"messages": [{"role": "user", "content": "Hi"}]}
_PARTS: Json = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}
_PARAMETERS: Json = {"type": "object", "properties": {"city": {"type": "string", "description": "Where"}}}
_FLAT: Json = {"name": "weather", "description": "Tells the weather", "parameters": _PARAMETERS}
_CALL: Json = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
#: What an absent object with inner `required` adds to every refusal of the prompt branch (issue 4605 of new-api).
_ABSENT = (
    "required properties at '/audio' are 'voice,format', required properties at '/prediction' are 'type,content', "
    "required properties at '/response_format' are 'type', required properties at '/response_format/json_schema' are "
    "'name', required properties at '/web_search_options/user_location' are 'type,approximate', required properties at "
    "'/function_call' are 'name'"
)


def _check(model: str, inputs: Json) -> Json:
    return _CATALOG.card(model).schema.check(inputs)


def _message(model: str, inputs: Json) -> str:
    with pytest.raises(InputError) as caught:
        _check(model, inputs)
    return caught.value.message.removeprefix("Error: ")


@pytest.mark.parametrize(("model", "is_chat"), [(LLAMA, False), (QWEN, True), (GEMMA, True)])
def test_shape_of_the_answers(model: str, is_chat: bool) -> None:
    """WA-052"""
    assert answers_as_chat(_CATALOG.card(model)) is is_chat


@pytest.mark.parametrize(
    ("model", "defaults"),
    [
        (LLAMA, {"raw": False, "stream": False, "max_tokens": 256, "temperature": 0.6}),
        (QWEN, {"raw": False, "stream": False, "max_tokens": 2000, "temperature": 0.6}),
        (
            GEMMA,
            {
                "skip_special_tokens": False,
                "parallel_tool_calls": True,
                "chat_template_kwargs": {"enable_thinking": True, "clear_thinking": False},
            },
        ),
    ],
)
def test_defaults(model: str, defaults: Json) -> None:
    """WA-041, WA-046. Beside `anyOf`, where gemma-4 has most of its defaults, production does not see them."""
    assert [_check(model, _HI), _check(model, {"prompt": "a"})] == [_HI | defaults, {"prompt": "a"} | defaults]


@pytest.mark.parametrize("model", [LLAMA, QWEN, GEMMA])
def test_content_parts_are_accepted(model: str) -> None:
    """WA-030"""
    assert _check(model, _PARTS)["messages"] == _PARTS["messages"]


@pytest.mark.parametrize(
    ("inputs", "rest"),
    [
        ({}, "required properties at '/' are 'prompt', required properties at '/' are 'messages'"),
        ({"prompt": ""}, "Length of '/prompt' must be >= 1 not met, required properties at '/' are 'messages'"),
        ({"prompt": "a", "response_format": {"type": "text"}}, "enum text not in json_object,json_schema"),
        ({"prompt": "a", "top_p": 0}, "'/top_p' must be >= 0.001"),
        ({"prompt": "a", "max_tokens": None}, "Type mismatch of '/max_tokens', 'integer' not in 'null'"),
        (
            {"messages": [{"role": "assistant", "content": None}]},
            (
                "required properties at '/' are 'prompt', Type mismatch of '/messages/0/content', 'string' not in "
                "'null', required properties at '/messages/0' are 'role,content'"
            ),
        ),
        (
            _HI | {"functions": [{"name": "f"}]},
            (
                "required properties at '/' are 'prompt', Type mismatch of '/messages/0/content', 'array' not in "
                "'string', required properties at '/functions/0' are 'name,code'"
            ),
        ),
    ],
)
def test_refusals_of_2025(inputs: Json, rest: str) -> None:
    """WA-017, WA-019, WA-026 to WA-028, WA-038, WA-076.

    A model whose batch branch asks for `requests` names that too.
    """
    assert _message(LLAMA, inputs).startswith(f"oneOf at '/' not met, 0 matches: {rest}")
    assert _message(QWEN, inputs).startswith(f"oneOf at '/' not met, 0 matches: {rest}")
    assert _message(QWEN, inputs) == _message(LLAMA, inputs) + ", required properties at '/' are 'requests'"


@both
def test_prompt_and_messages_are_two_matches(model: str) -> None:
    """WA-018, with what was tried on the way"""
    tried = "Type mismatch of '/messages/0/content', 'array' not in 'string'"
    assert _message(model, {"prompt": "a"} | _HI) == f"oneOf at '/' not met, 2 matches: {tried}"


@both
@pytest.mark.parametrize("tool", [_FLAT, {"type": "function", "function": _FLAT}, {"nonsense": 1}])
def test_no_tool_is_refused(model: str, tool: Json) -> None:
    """WA-034: both forms, and a tool that is neither"""
    assert _check(model, _HI | {"tools": [tool]})["tools"] == [tool]


@both
def test_a_nonsensical_tool_is_heard_of_in_other_refusals(model: str) -> None:
    message = _message(model, _HI | {"tools": [{"nonsense": 1}], "temperature": 6})
    assert "required properties at '/tools/0/function/parameters' are 'type,properties'" in message


@pytest.mark.parametrize("model", [LLAMA, QWEN, GEMMA])
def test_a_batch_is_accepted(model: str) -> None:
    assert _check(model, {"requests": [{"prompt": "a"}]})["requests"][0]["prompt"] == "a"
    assert "Type mismatch of '/requests', 'array' not in 'string'" in _message(model, {"requests": "x"})


@both
def test_a_batch_beside_a_prompt_is_two_matches(model: str) -> None:
    message = _message(model, {"prompt": "a", "requests": [{"prompt": "b"}]})
    assert message.startswith("oneOf at '/' not met, 2 matches: required properties at '/' are 'messages'")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, f"{_ABSENT}, required properties at '/' are 'prompt', required properties at '/' are 'messages'"),
        (
            {"prompt": ""},
            f"Length of '/prompt' must be >= 1 not met, {_ABSENT}, required properties at '/' are 'messages'",
        ),
        ({"messages": "x"}, f"{_ABSENT}, required properties at '/' are 'prompt', Type mismatch of '/messages', "),
    ],
)
def test_refusals_of_2026(inputs: Json, message: str) -> None:
    """WA-017, WA-019, WA-037, WA-042: an absent object with `required` inside is tolerated in `anyOf`, and heard of"""
    assert _message(GEMMA, inputs).startswith(f"anyOf at '/' not met: {message}")
    assert _message(GEMMA, inputs).endswith("oneOf at '/' not met, 0 matches")


def test_prompt_and_messages_of_2026() -> None:
    """WA-018, one level down"""
    assert _message(GEMMA, {"prompt": "a"} | _HI).endswith("oneOf at '/' not met, 2 matches")


def test_an_unknown_role_is_refused_by_every_kind_of_message() -> None:
    message = _message(GEMMA, {"messages": [{"role": "bot", "content": "x"}]})
    for role in ("developer", "system", "user", "assistant", "tool", "function"):
        assert f"enum bot not in {role} at '/messages/0/role'" in message


def test_null_is_accepted_where_it_is_declared() -> None:
    nulls = dict.fromkeys(("max_tokens", "temperature", "stop", "seed", "stream", "n", "logprobs", "top_p", "store"))
    assert _check(GEMMA, _HI | nulls).items() >= nulls.items()
    assert "Type mismatch of '/user', 'string' not in 'null'" in _message(GEMMA, _HI | {"user": None})


def test_a_conversation_with_calls() -> None:
    turns = [{"role": "assistant", "content": None, "tool_calls": [_CALL]}, {"role": "tool", "content": "Sunny"}]
    inputs = {"messages": [*_HI["messages"], *turns], "tools": [{"type": "function", "function": _FLAT}]}
    assert _check(GEMMA, inputs).items() >= inputs.items()


@pytest.mark.parametrize(("name", "value"), [("n", 0), ("temperature", 3), ("max_tokens", "x"), ("tools", [_FLAT])])
def test_what_a_nested_choice_refuses_is_let_through(name: str, value: object) -> None:
    """WA-034: every field of 2026 is a choice, so the validator leaves its value to the model."""
    assert _check(GEMMA, _HI | {name: value})[name] == value
