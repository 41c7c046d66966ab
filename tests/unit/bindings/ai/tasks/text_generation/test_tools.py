from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import CalledTool, EngineRequest, Tool, ToolUse
from paddock.bindings.ai.tasks import TASKS
from paddock.bindings.errors import InputError, OptionUnsupported

FLAT, OPENAI, CHAT = "@cf/test/tools-flat", "@cf/test/tools-openai", "@cf/test/chat"
USER = [{"role": "user", "content": "hi"}]
PARAMETERS = {"type": "object", "properties": {"place": {"type": "string"}}}
WEATHER = {"name": "weather", "description": "Weather of a place", "parameters": PARAMETERS}
TOOL = Tool("weather", "Weather of a place", '{"type":"object","properties":{"place":{"type":"string"}}}')
NAMED = {"type": "function", "function": {"name": "weather"}}


@pytest.fixture
def asked(later):
    def of(model: str, dialect: str = "native", **inputs: Any) -> EngineRequest:
        given = {"messages": USER, **inputs}
        (request,) = TASKS["Text Generation"].prepare(later.card(model), given, None, dialect).requests
        return request

    return of


@pytest.mark.parametrize("form", [WEATHER, {"type": "function", "function": WEATHER}, {"type": "function", **WEATHER}])
def test_both_forms_of_a_tool_are_one(asked, form) -> None:
    """WA-078"""
    assert asked(FLAT, tools=[form]).tool_use == ToolUse((TOOL,))


def test_a_tool_needs_no_parameters(asked) -> None:
    (tool,) = asked(FLAT, tools=[{"name": "time"}]).tool_use.tools
    assert tool == Tool("time", "", '{"type":"object","properties":{}}')


@pytest.mark.parametrize(
    ("given", "use"),
    [
        ({"tool_choice": "auto"}, ToolUse((TOOL,))),
        ({"tool_choice": "none"}, None),
        ({"tool_choice": "required"}, ToolUse((TOOL,), is_forced=True)),
        ({"tool_choice": NAMED}, ToolUse((TOOL,), is_forced=True, only="weather", most=1)),
        ({"tool_choice": {"type": "function", "name": "weather"}}, ToolUse((TOOL,), True, "weather", 1)),
        ({"parallel_tool_calls": False}, ToolUse((TOOL,), most=1)),
        ({"parallel_tool_calls": False, "tool_choice": "required"}, ToolUse((TOOL,), True, None, 1)),
    ],
)
def test_the_choice_says_whether_a_call_is_forced(asked, given, use) -> None:
    assert asked(CHAT, "openai", tools=[WEATHER], **given).tool_use == use


def test_functions_are_tools_of_an_older_name(asked) -> None:
    assert asked(CHAT, "openai", functions=[WEATHER]).tool_use == ToolUse((TOOL,), most=1)
    forced = asked(CHAT, "openai", functions=[WEATHER], function_call={"name": "weather"}).tool_use
    assert forced == ToolUse((TOOL,), is_forced=True, only="weather", most=1)
    assert asked(CHAT, "openai", functions=[WEATHER], function_call="none").tool_use is None


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"tools": [{"description": "x"}]}, InputError, r"tools\[0\]: expected a function with a name"),
        ({"tools": [{"name": ""}]}, InputError, r"tools\[0\]\.name: expected a text of at least one character"),
        ({"tools": [{"type": "function", "function": {}}]}, InputError, r"\$\.tools\[0\]\.function"),
        ({"tools": ["x"]}, InputError, r"\$\.tools\[0\]"),
        (
            {"tools": [{"type": "web_search"}]},
            OptionUnsupported,
            r"tools\[0\]: expected a function; got .*'web_search'",
        ),
        ({"tools": [{"name": "f", "parameters": {"type": "array"}}]}, InputError, "expected 'object'; got 'array'"),
        ({"tools": [WEATHER], "tool_choice": {"name": "other"}}, InputError, r"\(weather\); got 'other'"),
        ({"functions": [{"name": "f", "code": "1"}]}, OptionUnsupported, r"functions\[0\]\.code: production publishes"),
        ({"tools": [WEATHER], "raw": True}, OptionUnsupported, "raw: tools are shown to a model by its template"),
        ({"tools": [WEATHER], "response_format": {"type": "json_object"}}, OptionUnsupported, "leaves no room for"),
    ],
)
def test_what_is_no_tool_is_refused_with_its_place(asked, given, error, text) -> None:
    with pytest.raises(error, match=text):
        asked(FLAT, **given)


def test_a_forced_call_goes_before_a_format(asked) -> None:
    request = asked(FLAT, tools=[WEATHER], tool_choice="required", response_format={"type": "json_object"})
    assert (request.sampling.json_schema, request.tool_use.is_forced) == (None, True)


def test_models_without_a_parser_refuse_tools_where_they_have_a_meaning(asked) -> None:
    with pytest.raises(OptionUnsupported, match=r"tools: the file of @cf/test/json-mode does not say"):
        asked("@cf/test/json-mode", "openai", tools=[WEATHER])
    assert asked("@cf/microsoft/phi-2", tools=[WEATHER]).tool_use is None


def test_calls_and_results_of_earlier_turns_reach_the_template(asked) -> None:
    """WA-081, in both forms."""
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"place":"Rome"}'}}
    turns = [
        *USER,
        {"role": "assistant", "content": None, "tool_calls": [call, {"name": "weather", "arguments": {"place": "x"}}]},
        {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": "sunny"},
    ]
    _, assistant, tool = asked(CHAT, "openai", messages=turns, tools=[WEATHER]).messages
    assert assistant.tool_calls == (
        CalledTool("c1", "weather", '{"place":"Rome"}'),
        CalledTool("", "weather", '{"place":"x"}'),
    )
    assert (tool.role, tool.content, tool.tool_call_id, tool.name) == ("tool", "sunny", "c1", "weather")


def test_broken_arguments_of_an_earlier_call_are_refused_with_their_place(asked) -> None:
    call = {"function": {"name": "weather", "arguments": "{place"}}
    with pytest.raises(InputError, match=r"messages\[1\]\.tool_calls\[0\]\.arguments: expected a JSON object"):
        asked(CHAT, messages=[*USER, {"role": "assistant", "content": "", "tool_calls": [call]}])


def test_effort_and_template_variables_reach_the_template(asked) -> None:
    assert asked(CHAT, reasoning_effort="low").template_variables == {
        "reasoning_effort": "low",
        "enable_thinking": True,
    }
    assert asked(CHAT, reasoning_effort="none").template_variables["enable_thinking"] is False
    given = asked(CHAT, chat_template_kwargs={"enable_thinking": False}).template_variables
    assert given == {"enable_thinking": False}


def test_no_effort_wins_over_the_default_of_the_schema(asked) -> None:
    given = asked(CHAT, reasoning_effort="none", chat_template_kwargs={"enable_thinking": True}).template_variables
    assert given["enable_thinking"] is False


def test_other_template_variables_are_refused(asked) -> None:
    with pytest.raises(OptionUnsupported, match="chat_template_kwargs: expected some of enable_thinking"):
        asked(CHAT, chat_template_kwargs={"chat_template": "{{ 1 }}"})
