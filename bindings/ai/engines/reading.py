"""What a model writes, told apart: what it thinks, what it answers, and which tools it calls.

vLLM's parsers know how each family of models marks these; `host.py` hands them in, so that nothing here imports vLLM.
They are asked piece by piece, for whole answers too: what is streamed and what is collected is the same.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from paddock.bindings.ai.engines.forced import CallArray
from paddock.bindings.ai.engines.pictures import media_type
from paddock.bindings.ai.engines.protocol import CallDelta

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paddock.bindings.ai.engines.protocol import Message, Picture, Tool

__all__ = ["CallReader", "ParserReader", "Read", "Reader", "chat_turn", "tool_definitions"]


class Read(NamedTuple):
    """One piece, told apart."""

    text: str
    reasoning: str = ""
    calls: tuple[CallDelta, ...] = ()


class Reader(Protocol):
    """Reads one generation, from its first piece to its last."""

    def read(self, text: str, token_ids: Sequence[int], *, is_last: bool) -> Read:
        """The parts of the next piece. Markers are part of none; an incomplete one is held back."""
        ...


class ParserReader:
    """Reads with a parser of vLLM's (`vllm.parser.Parser`), which keeps the state of one generation."""

    def __init__(self, parser: Any, request: Any, prompt_token_ids: list[int]) -> None:
        self._parser = parser
        self._request = request
        self._prompt_token_ids = prompt_token_ids
        self._named: set[int] = set()

    def read(self, text: str, token_ids: Sequence[int], *, is_last: bool) -> Read:
        """As `Reader.read`. Raises whatever the parser raises."""
        delta = self._parser.parse_delta(text, list(token_ids), self._request, self._prompt_token_ids, finished=is_last)
        if delta is None:
            return Read("")
        calls = tuple(self._call(call) for call in delta.tool_calls or () if call.function is not None)
        return Read(delta.content or "", delta.reasoning or "", calls)

    def _call(self, call: Any) -> CallDelta:
        name = None if call.index in self._named else call.function.name
        if name is not None:
            self._named.add(call.index)
        return CallDelta(call.index, name, call.function.arguments or "")


class CallReader:
    """Reads an answer that a grammar has made an array of calls, behind what the model thinks before it."""

    def __init__(self, thoughts: Reader | None) -> None:
        self._thoughts = thoughts
        self._calls = CallArray()

    def read(self, text: str, token_ids: Sequence[int], *, is_last: bool) -> Read:
        """As `Reader.read`."""
        part = Read(text) if self._thoughts is None else self._thoughts.read(text, token_ids, is_last=is_last)
        return Read("", part.reasoning, self._calls.feed(part.text))


def chat_turn(message: Message, show: Callable[[Picture], dict[str, Any]] | None = None) -> dict[str, Any]:
    """A message as vLLM reads it, in the host and over HTTP; it turns the arguments of calls into objects.

    `show` makes a part of a picture; without it that is a data URI, as OpenAI's API has it.
    """
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.pictures:
        shown = show or _data_uri
        turn["content"] = [
            {"type": "text", "text": part} if isinstance(part, str) else shown(part) for part in message.parts
        ]
    if message.tool_calls:
        turn["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    # vLLM since 0.12 reads `reasoning`; before, and elsewhere, it is `reasoning_content`, which vLLM still takes.
    more = {"reasoning": message.reasoning, "tool_call_id": message.tool_call_id, "name": message.name}
    return turn | {name: value for name, value in more.items() if value}


def _data_uri(picture: Picture) -> dict[str, Any]:
    data = base64.b64encode(picture.data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{media_type(picture.data)};base64,{data}"}}


def tool_definitions(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The tools in the form that chat templates and parsers read."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": msgspec.json.decode(tool.parameters),
            },
        }
        for tool in tools
    ]
