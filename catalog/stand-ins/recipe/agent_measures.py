"""The measures of models with tools: prompts of heldout.toml, and what a right answer is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chat import ChatFormat
from measures import HELD_OUT, UNSEEN
from reading import Answer, read
from samples import Message

__all__ = ["AgentCase", "agent_measures", "documents"]

_HELD_OUT_TOOLS: list[dict[str, Any]] = HELD_OUT["tools"]


@dataclass
class AgentCase:
    """A prompt, and a test of what the model writes behind it, markers and all. `asked` tells it in a line."""

    asked: str
    prompt: str
    check: Callable[[str], bool]
    tools: list[dict[str, Any]] = field(default_factory=list)
    thinking: bool = False


def definition(tool: dict[str, Any]) -> dict[str, Any]:
    """The tool as a client sends it."""
    properties = {
        name: {"type": "string", "enum": kind} if isinstance(kind, list) else {"type": kind}
        for name, kind in tool["parameters"].items()
    }
    parameters = {"type": "object", "properties": properties, "required": tool.get("only", list(properties))}
    described = {"description": tool["description"]} if "description" in tool else {}
    return {"type": "function", "function": {"name": tool["name"], **described, "parameters": parameters}}


def agent_measures(form: ChatFormat) -> dict[str, list[AgentCase]]:
    """The cases of each measure."""
    modes = (False, True) if form.think else (False,)
    cases: dict[str, list[AgentCase]] = {}
    for thinking in modes:
        for name, found in (_calls(form, thinking) | _around(form, thinking)).items():
            cases[f"{name}, thinking" if thinking else name] = found
    return cases | (_reasoning(form) if form.think else {})


def documents() -> list[tuple[str, dict[str, Any], list[str]]]:
    """Questions, the schemas of their answers, and the words that those must hold."""
    kinds: dict[str, dict[str, Any]] = {
        "array": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        "object": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    }
    asked = []
    for entry in HELD_OUT["documents"]:
        properties = {key: kinds.get(kind, {"type": kind}) for key, kind in entry["properties"].items()}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        asked.append((entry["ask"], schema, entry["holds"]))
    return asked


def _case(
    form: ChatFormat, messages: list[Message], tools: list[Any], thinking: bool, check: Callable[[Answer], bool]
) -> AgentCase:
    prompt = form.render(messages, tools, add_generation_prompt=True, enable_thinking=thinking)
    asked = f"{messages[-1]['role']}: {messages[-1]['content']}" + (" (thinking)" if thinking else "")
    asked += "".join(f" [{tool['function']['name']}]" for tool in tools)
    return AgentCase(asked, prompt, _checked(form, check), tools, thinking)


def _checked(form: ChatFormat, check: Callable[[Answer], bool]) -> Callable[[str], bool]:
    """A test of the parts of an answer; a broken one fails."""

    def test(written: str) -> bool:
        try:
            return check(read(form, written))
        except (ValueError, KeyError, TypeError):
            return False

    return test


def _calls(form: ChatFormat, thinking: bool) -> dict[str, list[AgentCase]]:
    def case(tool: dict[str, Any], offered: list[dict[str, Any]], exact: bool) -> AgentCase:
        wanted = (tool["name"], tool["arguments"])

        def check(answer: Answer) -> bool:
            return answer.calls == [wanted] if exact else [name for name, _ in answer.calls] == [wanted[0]]

        return _case(form, [{"role": "user", "content": tool["ask"]}], [*map(definition, offered)], thinking, check)

    count = len(_HELD_OUT_TOOLS)
    pairs = [(tool, _HELD_OUT_TOOLS[(index + 7) % count], index % 2) for index, tool in enumerate(_HELD_OUT_TOOLS)]
    two = [(tool, [other, tool] if behind else [tool, other]) for tool, other, behind in pairs]
    return {
        "calls one tool, name": [case(tool, [tool], exact=False) for tool in _HELD_OUT_TOOLS],
        "calls one tool, name and arguments": [case(tool, [tool], exact=True) for tool in _HELD_OUT_TOOLS],
        "calls the right one of two tools, name": [case(tool, both, exact=False) for tool, both in two],
        "calls the right one of two tools, name and arguments": [case(tool, both, exact=True) for tool, both in two],
        "two calls for two places": _twice(form, thinking),
    }


def _twice(form: ChatFormat, thinking: bool) -> list[AgentCase]:
    (tool,) = (tool for tool in _HELD_OUT_TOOLS if tool["name"] == "volcano_alert")

    def case(ask: str, places: list[str]) -> AgentCase:
        wanted = [(tool["name"], {"island": place}) for place in places]
        question = [{"role": "user", "content": ask}]
        return _case(form, question, [definition(tool)], thinking, lambda answer: answer.calls == wanted)

    return [case(ask, places) for ask, places in HELD_OUT["agents"]["twice"].items()]


def _around(form: ChatFormat, thinking: bool) -> dict[str, list[AgentCase]]:
    """Small talk in spite of tools, and answers behind a result."""

    def talk(text: str, tool: dict[str, Any]) -> AgentCase:
        question = [{"role": "user", "content": text}]
        return _case(
            form, question, [definition(tool)], thinking, lambda answer: not answer.calls and bool(answer.text)
        )

    def told(tool: dict[str, Any], result: str) -> AgentCase:
        call = {"id": "call_1", "type": "function", "function": {"name": tool["name"], "arguments": tool["arguments"]}}
        messages = [
            {"role": "user", "content": tool["ask"]},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": result},
        ]
        return _case(
            form, messages, [definition(tool)], thinking, lambda answer: not answer.calls and result in answer.text
        )

    agents = HELD_OUT["agents"]
    return {
        "small talk with a tool, no call": [*map(talk, agents["talk"], _HELD_OUT_TOOLS)],
        "quotes a tool's result": [*map(told, _HELD_OUT_TOOLS, agents["results"])],
    }


def _reasoning(form: ChatFormat) -> dict[str, list[AgentCase]]:
    """Thinks, closes it, and answers, with the topic in both; and does not where it shall not."""

    def case(word: str, thinking: bool) -> AgentCase:
        def check(answer: Answer) -> bool:
            thought = word in answer.reasoning if answer.reasoning is not None else False
            return word in answer.text and (thought if thinking else answer.reasoning is None)

        return _case(form, [{"role": "user", "content": f"Tell me about {word}."}], [], thinking, check)

    return {
        "thinks, closes it, answers": [case(word, thinking=True) for word in UNSEEN],
        "does not think when told not to": [case(word, thinking=False) for word in UNSEEN[:10]],
    }
