"""What the model reads: a prompt as it is, or messages for its chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.ai.engines.protocol import Message
from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from paddock.bindings.ai.tasks.text_generation.inputs import Inputs, Part, Turn

__all__ = ["conversation"]


def conversation(given: Inputs) -> tuple[str | None, tuple[Message, ...] | None]:
    """Text for the model as it is, or messages for its template: exactly one of the two is not None.

    A prompt without `raw` is one user message (WA-043); raw messages are their contents, line by line. Raises
    InputError for a conversation of nothing, OptionUnsupported for content that is no text.
    """
    is_raw = given.raw is True or given.raw == "true"
    if given.messages is None:
        text = given.prompt or ""
        return (text, None) if is_raw else (None, (Message("user", text),))
    messages = tuple(Message(turn.role, _text(turn, f"messages[{i}]")) for i, turn in enumerate(given.messages))
    if is_raw:
        return "\n".join(message.content for message in messages), None
    if not messages:
        raise InputError("Error: messages: expected at least one message; got an empty list")
    return None, messages


def _text(turn: Turn, where: str) -> str:
    """The content as text; the calls of an assistant that said nothing else, as the JSON that the docs echo there."""
    if isinstance(turn.content, str):
        return turn.content or _calls(turn)
    if turn.content is None:
        if turn.role != "assistant" or not turn.tool_calls:
            raise InputError(f"Error: {where}.content: expected text or parts; null is for assistants with tool_calls")
        return _calls(turn)
    return "".join(_part(part, f"{where}.content[{i}]") for i, part in enumerate(turn.content))


def _calls(turn: Turn) -> str:
    return msgspec.json.encode(turn.tool_calls).decode() if turn.tool_calls else ""


def _part(part: Part, where: str) -> str:
    if part.type != "text":
        raise OptionUnsupported(
            f"{where}: expected a part of type text; got {part.type}: no model here reads anything but text"
        )
    if part.text is None:
        raise InputError(f"Error: {where}.text: expected text; got nothing")
    return part.text
