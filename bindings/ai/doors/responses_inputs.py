"""Bodies of OpenAI's Responses API as inputs that a model's own schema can check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.errors import InputError, OptionUnsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["responses_inputs"]

#: Options that need a memory of earlier calls, which nothing here has.
_REFUSED: Final = ("previous_response_id", "conversation", "background", "prompt")
#: Inputs that mean the same here as in the model's own schema.
_SAME: Final = ("temperature", "top_p", "stream", "tools", "tool_choice", "seed", "top_k", "lora", "user", "metadata")
_TEXTS: Final = ("input_text", "output_text", "text")


def responses_inputs(body: Mapping[str, object]) -> dict[str, object]:
    """The inputs of `/responses`. Raises InputError and OptionUnsupported."""
    for name in _REFUSED:
        if body.get(name):
            raise OptionUnsupported(f"{name}: earlier responses are not kept; send the conversation as input")
    inputs: dict[str, object] = {name: body[name] for name in _SAME if body.get(name) is not None}
    instructions = body.get("instructions")
    opening = [{"role": "system", "content": instructions}] if instructions else []
    inputs["messages"] = [*opening, *_messages(body.get("input"))]
    if body.get("max_output_tokens") is not None:
        inputs["max_completion_tokens"] = body["max_output_tokens"]
    wanted = _format(body.get("text"))
    return inputs if wanted is None else inputs | {"response_format": wanted}


def _messages(given: object) -> list[dict[str, object]]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise InputError(f"Error: input: expected text or a list of messages; got {type(given).__name__}")
    return [_message(item, f"input[{i}]") for i, item in enumerate(given)]


def _message(item: object, where: str) -> dict[str, object]:
    if not isinstance(item, dict):
        raise InputError(f"Error: {where}: expected an object; got {type(item).__name__}")
    kind = item.get("type", "message")
    if kind != "message":
        raise OptionUnsupported(f"{where}: expected a message; got {kind!r}: no model here has such items")
    role = "system" if item.get("role") == "developer" else item.get("role")
    content = item.get("content")
    if isinstance(content, list):
        content = "".join(_text(part, f"{where}.content[{i}]") for i, part in enumerate(content))
    return {"role": role, "content": content}


def _text(part: object, where: str) -> str:
    if isinstance(part, dict) and part.get("type") in _TEXTS and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    raise OptionUnsupported(f"{where}: expected a part with text; got {kind}: no model here reads anything but text")


def _format(text: object) -> dict[str, object] | None:
    """`text.format` as `response_format`; None for plain text."""
    wanted = text.get("format") if isinstance(text, dict) else None
    if not isinstance(wanted, dict) or wanted.get("type", "text") == "text":
        return None
    if wanted["type"] != "json_schema":
        return {"type": wanted["type"]}
    return {"type": "json_schema", "json_schema": wanted.get("schema")}
