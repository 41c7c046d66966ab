"""What the model reads: a prompt as it is, or messages for its chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paddock.bindings.ai.engines.protocol import CalledTool, Message
from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paddock.bindings.ai.tasks.text_generation.inputs import Inputs, Part, Turn

__all__ = ["conversation"]


def conversation(given: Inputs, *, takes_tools: bool) -> tuple[str | None, tuple[Message, ...] | None]:
    """Text for the model as it is, or messages for its template: exactly one of the two is not None.

    A prompt without `raw` is one user message (WA-043); raw messages are their contents, line by line. A template of a
    model that takes tools has a place for the calls of earlier turns; elsewhere they are text. Raises InputError for a
    conversation of nothing, OptionUnsupported for content that is no text.
    """
    is_raw = given.raw is True or given.raw == "true"
    if given.messages is None:
        if given.prompt is None:
            raise InputError("Error: expected prompt or messages; got neither")
        text = given.prompt
        return (text, None) if is_raw else (None, (Message("user", text),))
    keeps_calls = takes_tools and not is_raw
    messages = tuple(_message(turn, f"messages[{i}]", keeps_calls) for i, turn in enumerate(given.messages))
    if is_raw:
        return "\n".join(message.content for message in messages), None
    if not messages:
        raise InputError("Error: messages: expected at least one message; got an empty list")
    return None, messages


def _message(turn: Turn, where: str, keeps_calls: bool) -> Message:
    text = _text(turn, where)
    if turn.tool_calls and not keeps_calls:
        text = text or _echo(turn)
    return Message(
        turn.role,
        text,
        tool_calls=tuple(_calls(turn, where)) if keeps_calls else (),
        reasoning=turn.reasoning or turn.reasoning_content or "",
        tool_call_id=turn.tool_call_id,
        name=turn.name,
    )


def _text(turn: Turn, where: str) -> str:
    if isinstance(turn.content, str):
        return turn.content
    if turn.content is None:
        if turn.role != "assistant" or not turn.tool_calls:
            raise InputError(f"Error: {where}.content: expected text or parts; null is for assistants with tool_calls")
        return ""
    return "".join(_part(part, f"{where}.content[{i}]") for i, part in enumerate(turn.content))


def _echo(turn: Turn) -> str:
    """The calls of an assistant as the JSON that the docs echo there."""
    return msgspec.json.encode(turn.tool_calls).decode()


def _calls(turn: Turn, where: str) -> Iterator[CalledTool]:
    for index, call in enumerate(turn.tool_calls or ()):
        place = f"{where}.tool_calls[{index}]"
        made = call if call.function is None else call.function
        name, arguments = made.name, made.arguments
        if name is None:
            raise InputError(f"Error: {place}: expected a name, or a function with a name; got neither")
        text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments or {}).decode()
        yield CalledTool(call.id or "", name, _checked(text or "{}", place))


def _checked(arguments: str, where: str) -> str:
    """The text of an object: templates write it as one, and a broken one would break them."""
    try:
        msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(
            f"Error: {where}.arguments: expected a JSON object; got {arguments[:80]!r}: {error}"
        ) from error
    return arguments


def _part(part: Part, where: str) -> str:
    if part.type != "text":
        raise OptionUnsupported(
            f"{where}: expected a part of type text; got {part.type}: no model here reads anything but text"
        )
    if part.text is None:
        raise InputError(f"Error: {where}.text: expected text; got nothing")
    return part.text
