"""Tool calls of an answer in the three forms that models have them.

Flat, of the older native models: `{"name", "arguments": {...}}`. OpenAI's: `{"id", "type", "function": {"name",
"arguments": "<JSON text>"}}`, which every stream has. And `function_call` for callers that sent `functions`.
Source: developer docs, function calling; captured replies; WA-070, WA-079, WA-080.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.ai.engines.protocol import CallDelta

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paddock.bindings.ai.engines.protocol import ToolUse

__all__ = ["Call", "Calls"]


class Call(msgspec.Struct):
    """One call as far as it is known."""

    id: str
    name: str
    arguments: str = ""


class Calls:
    """Gathers the calls of one choice, no more than the request allows."""

    def __init__(self, use: ToolUse | None) -> None:
        self._most = None if use is None else use.most
        self._calls: dict[int, Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls.values())

    def add(self, deltas: Sequence[CallDelta]) -> list[dict[str, object]]:
        """Take the next pieces; the same pieces as a stream has them: id, type and name where a call begins."""
        return [
            self._add(delta)
            for delta in deltas
            if (self._most is None or delta.index < self._most) and (delta.name or delta.index in self._calls)
        ]

    def _add(self, delta: CallDelta) -> dict[str, object]:
        call = self._calls.get(delta.index)
        if call is not None:
            call.arguments += delta.arguments
            return {"index": delta.index, "function": {"arguments": delta.arguments}}
        call = Call(f"chatcmpl-tool-{uuid.uuid4().hex}", delta.name or "", delta.arguments)
        self._calls[delta.index] = call
        return {"index": delta.index, **_openai(call)}

    def pieces(self) -> tuple[CallDelta, ...]:
        """Every call as one piece."""
        return tuple(CallDelta(index, call.name, call.arguments) for index, call in self._calls.items())

    def openai(self) -> list[dict[str, object]]:
        """Every call in OpenAI's form."""
        return [_openai(call) for call in self]

    def flat(self) -> list[dict[str, object]]:
        """Every call in the flat form. One whose arguments were cut off has none: `cut` tells of it."""
        return [
            {"name": call.name, "arguments": arguments} for call in self if (arguments := _object(call)) is not None
        ]

    def cut(self) -> str:
        """The text of calls that `max_tokens` cut off, as the model began it: the flat form has no room for them."""
        return "".join(
            f'{{"name": {msgspec.json.encode(call.name).decode()}, "arguments": {call.arguments}'
            for call in self
            if _object(call) is None
        )


def _openai(call: Call) -> dict[str, object]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _object(call: Call) -> object:
    """The arguments as an object; None when the text ends too early. No text at all is no arguments."""
    if not call.arguments:
        return {}
    try:
        return msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, RecursionError):
        return None
