"""What the model reads: a prompt as it is, or messages for its chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from paddock.bindings.ai.engines.pictures import MOST_PICTURES
from paddock.bindings.ai.engines.protocol import CalledTool, Message, Picture
from paddock.bindings.ai.tasks.text_generation.images import as_file, picture_of, with_image
from paddock.bindings.errors import InputError, InvalidImage, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.tasks.text_generation.inputs import Inputs, Part, Turn

__all__ = ["conversation"]


def conversation(given: Inputs, card: ModelCard) -> tuple[str | None, tuple[Message, ...] | None]:
    """Text for the model as it is, or messages for its template: exactly one of the two is not None.

    A prompt without `raw` is one user message (WA-043); raw messages are their contents, line by line. A template of a
    model that takes tools has a place for the calls of earlier turns; elsewhere they are text. An `image` belongs to
    the last user message. Raises InputError for a conversation of nothing, InvalidImage for a picture that is none,
    OptionUnsupported for pictures that the model cannot see, and for parts of other kinds.
    """
    is_raw = given.raw is True or given.raw == "true"
    image = None if given.image is None else as_file(given.image, card)
    if given.messages is None:
        if given.prompt is None:
            raise InputError("Error: expected prompt or messages; got neither")
        messages = [Message("user", given.prompt)]
    else:
        keeps_calls = card.takes_tools and not is_raw
        messages = [_message(turn, f"messages[{i}]", keeps_calls, card) for i, turn in enumerate(given.messages)]
    if image is not None:
        messages = with_image(image, messages)
    pictures = sum(len(message.pictures) for message in messages)
    if pictures > MOST_PICTURES:
        raise InvalidImage(f"expected at most {MOST_PICTURES} images in a request; got {pictures}")
    if is_raw:
        if pictures:
            raise OptionUnsupported("raw: where a picture stands is for the model's template; leave raw or it out")
        return "\n".join(message.content for message in messages), None
    if not messages:
        raise InputError("Error: messages: expected at least one message; got an empty list")
    return None, tuple(messages)


def _message(turn: Turn, where: str, keeps_calls: bool, card: ModelCard) -> Message:
    text, pictures = _content(turn, where, card)
    if turn.tool_calls and not keeps_calls:
        text = text or _echo(turn)
    return Message(
        turn.role,
        text,
        tool_calls=tuple(_calls(turn, where)) if keeps_calls else (),
        reasoning=turn.reasoning or turn.reasoning_content or "",
        tool_call_id=turn.tool_call_id,
        name=turn.name,
        pictures=pictures,
    )


def _content(turn: Turn, where: str, card: ModelCard) -> tuple[str, tuple[Picture, ...]]:
    """The text of a turn, and its pictures at their places in it."""
    if isinstance(turn.content, str):
        return turn.content, ()
    if turn.content is None:
        if turn.role != "assistant" or not turn.tool_calls:
            raise InputError(f"Error: {where}.content: expected text or parts; null is for assistants with tool_calls")
        return "", ()
    text, pictures = "", []
    for i, part in enumerate(turn.content if isinstance(turn.content, list) else [turn.content]):
        place = f"{where}.content[{i}]"
        if part.type == "image_url":
            pictures.append(Picture(picture_of(part, place, turn.role, card), len(text)))
        else:
            text += _text(part, place)
    return text, tuple(pictures)


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


def _text(part: Part, where: str) -> str:
    if part.type != "text":
        raise OptionUnsupported(f"{where}: expected a part of type text or image_url; got {part.type}")
    if part.text is None:
        raise InputError(f"Error: {where}.text: expected text; got nothing")
    return part.text
