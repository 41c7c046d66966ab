import json

import pytest
from jsonschema import Draft202012Validator

from paddock.bindings.ai.engines.forced import CallArray, calls_schema
from paddock.bindings.ai.engines.protocol import CallDelta, Tool, ToolUse

WEATHER = Tool("weather", "", '{"type":"object","properties":{"place":{"type":"string"}},"required":["place"]}')
TREE = Tool(
    "plant",
    "",
    json.dumps(
        {
            "type": "object",
            "properties": {"root": {"$ref": "#/$defs/Node"}},
            "required": ["root"],
            "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
        }
    ),
)
CALLS = [{"name": "weather", "parameters": {"place": 'a "b" {c} \\'}}, {"name": "plant", "parameters": {"root": {}}}]


def _fits(use: ToolUse, calls: object) -> bool:
    return Draft202012Validator(json.loads(calls_schema(use))).is_valid(calls)


def _gathered(text: str, size: int) -> list[tuple[str, str]]:
    """Name and arguments of each call, read in pieces of `size` characters."""
    array, calls = CallArray(), []
    for start in range(0, len(text), size):
        for delta in array.feed(text[start : start + size]):
            if delta.name is not None:
                assert delta.index == len(calls)
                calls.append((delta.name, ""))
            name, arguments = calls[delta.index]
            calls[delta.index] = (name, arguments + delta.arguments)
    return calls


def test_schema_takes_calls_of_every_tool_with_its_own_parameters() -> None:
    use = ToolUse((WEATHER, TREE), is_forced=True)
    assert _fits(use, CALLS)
    assert not _fits(use, [])
    assert not _fits(use, [{"name": "weather", "parameters": {"place": 1}}])
    assert not _fits(use, [{"name": "other", "parameters": {}}])


def test_schema_follows_references_of_the_parameters() -> None:
    use = ToolUse((WEATHER, TREE), is_forced=True)
    assert _fits(use, [{"name": "plant", "parameters": {"root": {"next": {"next": {}}}}}])
    assert not _fits(use, [{"name": "plant", "parameters": {"root": {"next": 1}}}])


def test_schema_of_a_named_tool_takes_one_call_of_it() -> None:
    use = ToolUse((WEATHER, TREE), is_forced=True, only="plant", most=1)
    assert _fits(use, CALLS[1:])
    assert not _fits(use, CALLS[:1])
    assert not _fits(use, CALLS[1:] * 2)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("separators", [(",", ":"), (" , ", " : ")])
def test_array_is_read_however_it_arrives(size: int, separators: tuple[str, str]) -> None:
    calls = _gathered(json.dumps(CALLS, separators=separators), size)
    assert [(name, json.loads(arguments)) for name, arguments in calls] == [
        (call["name"], call["parameters"]) for call in CALLS
    ]


def test_pieces_come_before_the_call_is_whole() -> None:
    array = CallArray()
    assert array.feed('[{"name":"weather","param') == ()
    assert array.feed('eters":{"place":') == (CallDelta(0, "weather", "{"), CallDelta(0, None, '"place":'))
    assert array.feed('"Par') == ()
    assert array.feed('is"') == (CallDelta(0, None, '"Paris"'),)


def test_array_that_is_cut_off_keeps_what_is_there() -> None:
    assert _gathered('[{"name":"weather","parameters":{"place":"Par', 3) == [("weather", '{"place":')]
