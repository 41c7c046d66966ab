from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.ai.engines.frames import Add
from paddock.bindings.ai.engines.parsers import Parsers
from paddock.bindings.ai.engines.protocol import CallDelta, Message, SamplingParams, Tool, ToolUse
from paddock.bindings.ai.engines.reading import CallReader, ParserReader, Read
from paddock.bindings.ai.engines.settings import EngineSettings
from paddock.bindings.ai.engines.steploop import RequestRefused

USE = ToolUse((Tool("time", "", '{"type":"object"}'),))
ASKED = (Message("user", "What time is it?"),)


class LineParser:
    """A parser with vLLM's methods for a made-up notation: `~thought`, `!name` and `?arguments`, else text."""

    def __init__(self, tokenizer: Any, tools: Any = None, **variables: Any) -> None:
        self.tools, self.variables = tools, variables

    def adjust_request(self, request: Any) -> Any:
        request.skip_special_tokens = False
        return request

    def is_reasoning_end(self, prompt_token_ids: list[int]) -> bool:
        return 9 in prompt_token_ids

    def parse_delta(self, text: str, ids: list[int], request: Any, prompt: list[int], *, finished: bool) -> Any:
        kind, rest = text[:1], text[1:]
        if kind == "-":
            return None
        call = SimpleNamespace(index=0, function=SimpleNamespace(name="time", arguments=None if kind == "!" else rest))
        return SimpleNamespace(
            content=None if kind in "~!?" else text,
            reasoning=rest if kind == "~" else None,
            tool_calls=[call] if kind in "!?" else [],
        )


class Manager:
    """Composes the one parser there is."""

    @staticmethod
    def get_parser(tool: str | None, reasoning: str | None, enable_auto_tools: bool = False) -> Any:
        return LineParser if tool or reasoning else None


def _parsers(tool: str | None = "line", reasoning: str | None = "line") -> Parsers:
    settings = EngineSettings(model_path="", served_name="", tool_parser=tool, reasoning_parser=reasoning)
    return Parsers(Manager, lambda **given: SimpleNamespace(**{"tools": None, **given}), object(), object(), settings)


def _reading(parsers: Parsers, prompt: tuple[int, ...] = (), **given: Any) -> Any:
    return parsers.reading(Add(1, SamplingParams(max_tokens=1), **given), list(prompt))


def _reads(reader: Any, *pieces: str) -> list[Read]:
    return [reader.read(piece, (1,), is_last=False) for piece in pieces]


def test_parts_are_told_apart_and_names_come_once() -> None:
    reads = _reads(ParserReader(LineParser(None), None, []), "~hm", "-", "!", "?{}", "Ten.")
    assert reads == [
        Read("", "hm"),
        Read(""),
        Read("", "", (CallDelta(0, "time", ""),)),
        Read("", "", (CallDelta(0, None, "{}"),)),
        Read("Ten."),
    ]


def test_forced_calls_are_read_behind_the_thoughts() -> None:
    reads = _reads(CallReader(ParserReader(LineParser(None), None, [])), "~hm", '[{"name":"time","parameters":{}}]')
    assert reads == [Read("", "hm"), Read("", "", (CallDelta(0, "time", "{"), CallDelta(0, None, "}")))]


def test_raw_prompts_and_plain_models_need_no_reader() -> None:
    assert _reading(_parsers(), prompt="x") is None
    assert _reading(_parsers("line", None), messages=ASKED) is None
    assert _reading(_parsers(None, None), messages=ASKED) is None


def test_tools_without_a_parser_are_refused() -> None:
    with pytest.raises(RequestRefused, match="nothing says how this model writes tool calls") as refused:
        _reading(_parsers(None, "line"), messages=ASKED, tool_use=USE)
    assert refused.value.kind == "tools_off"


def test_the_prompt_tells_whether_thoughts_are_to_come() -> None:
    assert _reading(_parsers(), messages=ASKED).has_thought is False
    assert _reading(_parsers(), (9,), messages=ASKED).has_thought is True
    assert _reading(_parsers("line", None), messages=ASKED, tool_use=USE).has_thought is None


def test_parsers_decide_about_special_tokens() -> None:
    assert _reading(_parsers(), messages=ASKED, tool_use=USE).skips_special_tokens is False
    forced = ToolUse(USE.tools, is_forced=True)
    assert _reading(_parsers("line", None), messages=ASKED, tool_use=forced).skips_special_tokens is True
