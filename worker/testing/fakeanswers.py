"""Fake answers: what a model would say if it were a pure function of its id, its inputs and a seed, and knew nothing.

Only the words are made here. Validation, shapes, events, usage and errors are those of the real service, because this
is what a scripted engine replies with.
"""

from __future__ import annotations

import hashlib
import json
import re
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.engines.scripted import Call, Thought
from paddock.worker.testing.fakevalues import value_for
from paddock.worker.testing.fakewords import sentences

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.protocol import EngineRequest, Message, Tool, ToolUse
    from paddock.bindings.ai.engines.scripted import Pieces

__all__ = ["fake_answer"]

_WORDS: Final = re.compile(r"\s*\S+")
_JSON_PIECES: Final = re.compile(r".{1,12}", re.DOTALL)


def fake_answer(card: ModelCard, request: EngineRequest, seed: int) -> Pieces:
    """The answer of one request. Streamed or whole, it is the same. Raises EngineError where no value fits a schema."""
    asked = msgspec.structs.replace(request, is_whole=False)
    key = msgspec.json.encode([card.name, seed, asked])
    random = Random(hashlib.sha256(key).digest())
    use, messages = request.tool_use, request.messages or ()
    if use is not None and (use.is_forced or not _has_results(messages)):
        tool = _chosen(use, messages)
        return [Call(tool.name, _arguments(tool, random))]
    if request.sampling.json_schema is not None:
        document = value_for(json.loads(request.sampling.json_schema), random)
        return _JSON_PIECES.findall(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    said = _WORDS.findall(sentences(random))
    if _results(messages):
        said = _WORDS.findall(" ".join(["The tools say:", *_results(messages)]))
    thinks = card.paddock is not None and card.paddock.reasoning_parser is not None
    thinks = thinks and request.template_variables.get("enable_thinking") is not False
    return [*map(Thought, _WORDS.findall(sentences(random))), *said] if thinks else said


def _chosen(use: ToolUse, messages: tuple[Message, ...]) -> Tool:
    """The tool that has to be called; else the one whose name and description the last user message is nearest to."""
    if use.only is not None:
        return next(tool for tool in use.tools if tool.name == use.only)
    asked = next((message.content for message in reversed(messages) if message.role == "user"), "")
    wanted = set(re.findall(r"\w{3,}", asked.lower()))

    def nearness(tool: Tool) -> int:
        return len(wanted & set(re.findall(r"[^\W_]{3,}", f"{tool.name} {tool.description}".lower())))

    return max(use.tools, key=nearness)


def _arguments(tool: Tool, random: Random) -> dict[str, object]:
    schema = json.loads(tool.parameters)
    value = value_for({"type": "object", **schema}, random)
    assert isinstance(value, dict)
    return value


def _has_results(messages: tuple[Message, ...]) -> bool:
    return bool(messages) and messages[-1].role == "tool"


def _results(messages: tuple[Message, ...]) -> list[str]:
    """What the tools of this turn answered: the messages behind the last one that is not a tool's."""
    found: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        found.insert(0, message.content)
    return found
