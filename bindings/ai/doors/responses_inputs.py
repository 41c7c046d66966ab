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
_SAME: Final = (
    "temperature",
    "top_p",
    "stream",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "chat_template_kwargs",
    "seed",
    "top_k",
    "lora",
    "user",
    "metadata",
)
_TEXTS: Final = ("input_text", "output_text", "text", "reasoning_text", "summary_text")


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
    reasoning = body.get("reasoning")
    if isinstance(reasoning, dict) and reasoning.get("effort") is not None:
        inputs["reasoning_effort"] = reasoning["effort"]
    wanted = _format(body.get("text"))
    return inputs if wanted is None else inputs | {"response_format": wanted}


def _messages(given: object) -> list[dict[str, object]]:
    """Items as turns: what the model thought and called belongs to the turn of the assistant that follows or began."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise InputError(f"Error: input: expected text or a list of items; got {type(given).__name__}")
    messages: list[dict[str, object]] = []
    thoughts = ""
    for index, item in enumerate(given):
        where = f"input[{index}]"
        if not isinstance(item, dict):
            raise InputError(f"Error: {where}: expected an object; got {type(item).__name__}")
        match item.get("type", "message"):
            case "message":
                messages.append(_message(item, where))
            case "function_call":
                _add_call(messages, item)
            case "function_call_output":
                output = _content(item.get("output"), f"{where}.output")
                messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": output})
            case "reasoning":
                thoughts += _content(item.get("content") or item.get("summary") or "", f"{where}.content")
                continue
            case kind:
                raise OptionUnsupported(f"{where}: expected a message, a call or its output; got {kind!r}")
        if thoughts and messages[-1]["role"] == "assistant":
            messages[-1]["reasoning"] = thoughts
            thoughts = ""
    return messages


def _message(item: Mapping[str, object], where: str) -> dict[str, object]:
    role = "system" if item.get("role") == "developer" else item.get("role")
    content, place = item.get("content"), f"{where}.content"
    if isinstance(content, list) and any(map(_is_image, content)):
        return {"role": role, "content": [_part(part, f"{place}[{i}]") for i, part in enumerate(content)]}
    return {"role": role, "content": _content(content, place)}


def _is_image(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == "input_image"


def _part(part: object, where: str) -> dict[str, object]:
    """A part in the form that chat completions have for it."""
    if not isinstance(part, dict) or not _is_image(part):
        return {"type": "text", "text": _text(part, where)}
    if part.get("image_url") is None:
        raise OptionUnsupported(f"{where}: expected an image_url with a data URI; files are not kept here")
    return {"type": "image_url", "image_url": {"url": part["image_url"]}}


def _add_call(messages: list[dict[str, object]], item: Mapping[str, object]) -> None:
    """Add a call to the turn of the assistant, which a call may begin."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": ""})
    calls = messages[-1].setdefault("tool_calls", [])
    assert isinstance(calls, list)
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    calls.append({"id": item.get("call_id"), "type": "function", "function": function})


def _content(content: object, where: str) -> str:
    if isinstance(content, list):
        return "".join(_text(part, f"{where}[{i}]") for i, part in enumerate(content))
    if not isinstance(content, str):
        raise InputError(f"Error: {where}: expected text or a list of parts; got {type(content).__name__}")
    return content


def _text(part: object, where: str) -> str:
    if isinstance(part, dict) and isinstance(part.get("text"), str) and part.get("type") in _TEXTS:
        return str(part["text"])
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    raise OptionUnsupported(f"{where}: expected a part with text; got {kind}")


def _format(text: object) -> dict[str, object] | None:
    """`text.format` as `response_format`; None for plain text."""
    wanted = text.get("format") if isinstance(text, dict) else None
    if not isinstance(wanted, dict) or wanted.get("type", "text") == "text":
        return None
    if wanted["type"] != "json_schema":
        return {"type": wanted["type"]}
    return {"type": "json_schema", "json_schema": wanted.get("schema")}
