"""The inputs of text generation through all schema stages, with types.

The model's own schema has been checked before. Early schemas do not declare later parameters, and the schema check does
not look into some arrays, so everything gets its type here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paddock.bindings.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Inputs", "Part", "ResponseFormat", "StreamOptions", "Turn", "typed"]


class Part(msgspec.Struct):
    """One part of a content list. Only `text` parts can be served."""

    type: str
    text: str | None = None


class Turn(msgspec.Struct):
    """One message. The content is null where an assistant only called tools."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: list[dict[str, Any]] | None = None


class ResponseFormat(msgspec.Struct):
    """JSON mode. `json_schema` is a JSON Schema, bare or in OpenAI's wrapper of `name`, `strict` and `schema`."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None


class StreamOptions(msgspec.Struct):
    """`include_usage`: end an OpenAI stream with a chunk of token counts."""

    include_usage: bool | None = None


class Inputs(msgspec.Struct):
    """All inputs that Paddock reads; others are ignored, as production ignores them."""

    prompt: str | None = None
    messages: list[Turn] | None = None
    #: A string in some documented LoRA examples, beside `messages`, where early schemas do not declare it.
    raw: bool | str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: str | list[str] | None = None
    #: The schemas of 2026 allow 1 to 128.
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    logit_bias: dict[str, float] | None = None
    #: A boolean for a conversation; for a prompt, OpenAI's API has the number of alternatives here.
    logprobs: bool | Annotated[int, Meta(ge=0, le=20)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    guided_json: dict[str, Any] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


def typed(inputs: Mapping[str, object]) -> Inputs:
    """The inputs as structs. Raises InputError with the path of what does not fit."""
    # JavaScript has one kind of number: 20.0 is an integer there, and the schema check takes it for one.
    whole = {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in inputs.items()}
    try:
        return msgspec.convert(whole, Inputs)
    except msgspec.ValidationError as error:
        raise InputError(f"Error: {error}") from error
