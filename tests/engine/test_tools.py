"""Tools and reasoning through vLLM's own parsers, with the stand-in of each format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from paddock.bindings.ai.engines.protocol import CalledTool, EngineRequest, Message, SamplingParams, Tool, ToolUse
from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from pathlib import Path

    from paddock.bindings.ai.engines.protocol import Engine, EngineChunk


class Form(NamedTuple):
    """A stand-in, and what its model's file says of its format."""

    folder: str
    tool_parser: str
    reasoning_parser: str | None


FORMS = [
    Form("qwen3", "hermes", "qwen3"),
    Form("llama3", "llama3_json", None),
    Form("gemma4", "gemma4", "gemma4"),
]
THINKERS = [form for form in FORMS if form.reasoning_parser]
WEATHER = Tool(
    "get_weather",
    "Get the weather of a place",
    '{"type":"object","properties":{"place":{"type":"string","description":"Name of the place"}},"required":["place"]}',
)
SEND = Tool(
    "send_letter",
    "Send a letter to a person",
    '{"type":"object","properties":{"person":{"type":"string"},"copies":{"$ref":"#/$defs/Count"}},'
    '"required":["person","copies"],"$defs":{"Count":{"type":"integer","minimum":1,"maximum":9}}}',
)
ASKED = (Message("user", "What is the weather in Lisbon?"),)


class Whole(NamedTuple):
    """An answer, put together."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    finish_reason: str


@pytest.fixture(params=FORMS, ids=lambda form: form.folder)
def engine(request: pytest.FixtureRequest, engine_of: Any, stand_ins: Path) -> Engine:
    return _engine(request.param, engine_of, stand_ins)


@pytest.fixture(params=THINKERS, ids=lambda form: form.folder)
def thinker(request: pytest.FixtureRequest, engine_of: Any, stand_ins: Path) -> Engine:
    return _engine(request.param, engine_of, stand_ins)


def _engine(form: Form, engine_of: Any, stand_ins: Path) -> Engine:
    engine: Engine = engine_of(
        stand_ins / form.folder, tool_parser=form.tool_parser, reasoning_parser=form.reasoning_parser
    )
    return engine


@pytest.fixture
def whole(run: Any, answer: Any) -> Any:
    """The answer to a request, and its chunks."""

    def of(engine: Engine, messages: tuple[Message, ...] = ASKED, **more: Any) -> tuple[Whole, list[EngineChunk]]:
        given = {"max_tokens": 200, "temperature": 0.0, **more.pop("sampling", {})}
        chunks = run(answer(engine, EngineRequest(SamplingParams(**given), messages=messages, **more))).chunks
        return _whole(chunks), chunks

    return of


def _whole(chunks: list[EngineChunk]) -> Whole:
    calls: dict[int, list[str]] = {}
    for delta in (delta for chunk in chunks for delta in chunk.calls):
        name, arguments = calls.setdefault(delta.index, ["", ""])
        assert (delta.name is None) == bool(name), "a call is named once, and first"
        calls[delta.index] = [name or delta.name or "", arguments + delta.arguments]
    return Whole(
        "".join(chunk.text for chunk in chunks),
        "".join(chunk.reasoning for chunk in chunks),
        [(name, json.loads(arguments)) for name, arguments in calls.values()],
        chunks[-1].finish_reason or "",
    )


def test_a_tool_is_called_with_words_of_the_question(engine: Engine, whole: Any) -> None:
    """WA-078"""
    found, chunks = whole(engine, tool_use=ToolUse((WEATHER,)))
    assert found.calls == [("get_weather", {"place": "Lisbon"})]
    assert (found.text.strip(), found.finish_reason) == ("", "stop")
    assert sum(chunk.tokens for chunk in chunks) > len([chunk for chunk in chunks if chunk.calls])


def test_the_result_of_a_call_is_answered_in_words(engine: Engine, whole: Any) -> None:
    """WA-081"""
    call = CalledTool("call_1", "get_weather", '{"place":"Lisbon"}')
    turns = (*ASKED, Message("assistant", "", (call,)), Message("tool", "sunny", tool_call_id="call_1"))
    found, _ = whole(engine, turns, tool_use=ToolUse((WEATHER,)))
    assert found.calls == []
    assert "sunny" in found.text


def test_a_forced_call_fits_the_schema_of_its_tool(engine: Engine, whole: Any) -> None:
    use = ToolUse((WEATHER, SEND), is_forced=True, only="send_letter", most=1)
    found, _ = whole(engine, tool_use=use)
    ((name, arguments),) = found.calls
    assert name == "send_letter"
    assert arguments.keys() == {"person", "copies"}
    assert 1 <= arguments["copies"] <= 9
    assert found.text == ""


def test_forced_calls_of_any_tool_are_calls_of_those_there_are(engine: Engine, whole: Any) -> None:
    found, _ = whole(engine, tool_use=ToolUse((WEATHER, SEND), is_forced=True, most=1))
    assert {name for name, _ in found.calls} <= {"get_weather", "send_letter"}
    assert len(found.calls) == 1


def test_calls_and_plain_answers_share_a_batch(engine: Engine, run: Any, answer: Any) -> None:
    import asyncio

    def request(**more: Any) -> EngineRequest:
        return EngineRequest(SamplingParams(max_tokens=120, temperature=0.0), messages=ASKED, **more)

    async def main() -> list[Any]:
        mixed = [request(tool_use=ToolUse((WEATHER,)) if index % 2 else None) for index in range(8)]
        return list(await asyncio.gather(*(answer(engine, one) for one in mixed)))

    answers = [_whole(one.chunks) for one in run(main())]
    assert [bool(one.calls) for one in answers] == [False, True] * 4
    assert len({one.text for one in answers[::2]}) == 1


def test_a_schema_that_no_grammar_can_have_is_refused(engine: Engine, whole: Any) -> None:
    broken = Tool("broken", "", '{"type":"object","properties":{"a":{"type":"nosuch"}},"required":["a"]}')
    with pytest.raises(InputError):
        whole(engine, tool_use=ToolUse((broken,), is_forced=True))
    assert whole(engine)[0].text


def test_thoughts_are_no_part_of_the_answer(thinker: Engine, whole: Any) -> None:
    found, _ = whole(thinker, template_variables={"enable_thinking": True})
    assert found.reasoning.strip()
    assert found.text.strip()
    assert not any(mark in found.text + found.reasoning for mark in ("think>", "channel>", "<|"))


def test_thinking_can_be_switched_off(thinker: Engine, whole: Any) -> None:
    found, _ = whole(thinker, template_variables={"enable_thinking": False})
    assert (found.reasoning, bool(found.text.strip())) == ("", True)


@pytest.mark.parametrize("is_thinking", [True, False])
def test_a_schema_holds_behind_the_thoughts(thinker: Engine, whole: Any, is_thinking: bool) -> None:
    schema = '{"type":"object","properties":{"city":{"type":"string","maxLength":12}},"required":["city"]}'
    found, _ = whole(thinker, sampling={"json_schema": schema}, template_variables={"enable_thinking": is_thinking})
    assert json.loads(found.text).keys() == {"city"}
    assert bool(found.reasoning.strip()) == is_thinking


def test_forced_calls_come_behind_the_thoughts(thinker: Engine, whole: Any) -> None:
    use = ToolUse((WEATHER,), is_forced=True, most=1)
    found, _ = whole(thinker, tool_use=use, template_variables={"enable_thinking": True})
    assert found.reasoning.strip()
    assert [name for name, _ in found.calls] == ["get_weather"]


def test_models_without_a_parser_take_no_tools(engine_of: Any, stand_ins: Path, whole: Any) -> None:
    with pytest.raises(OptionUnsupported, match="tools: nothing says how this model writes tool calls"):
        whole(engine_of(stand_ins / "llama"), tool_use=ToolUse((WEATHER,)))
