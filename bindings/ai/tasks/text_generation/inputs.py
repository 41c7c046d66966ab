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

__all__ = [
    "CallItem",
    "Choice",
    "Function",
    "ImageUrl",
    "Inputs",
    "Part",
    "ResponseFormat",
    "StreamOptions",
    "ToolItem",
    "Turn",
    "typed",
]


class ImageUrl(msgspec.Struct):
    """A picture as a data URI. How closely to look (`detail`) is no matter of these models."""

    url: str


class Part(msgspec.Struct):
    """One part of a content list. Only `text` and `image_url` can be served."""

    type: str
    text: str | None = None
    #: Some clients leave the object out.
    image_url: ImageUrl | str | None = None


class Function(msgspec.Struct, omit_defaults=True):
    """A tool, or a call of it. A tool has `parameters`, a call `arguments`: JSON text, or the object itself."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    arguments: str | dict[str, Any] | None = None
    #: JavaScript of a kind of tool for which production publishes no meaning.
    code: str | None = None


class ToolItem(msgspec.Struct):
    """A tool in OpenAI's form, `{type, function}`, or flat: the members of a function at the top."""

    type: str | None = None
    function: Function | None = None
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None


class CallItem(msgspec.Struct, omit_defaults=True):
    """A call of an earlier turn, in either form."""

    id: str | None = None
    type: str | None = None
    function: Function | None = None
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class Choice(msgspec.Struct):
    """The one tool to call: OpenAI's `{type, function: {name}}`, its Responses API's `{type, name}`, `{name}`."""

    type: str | None = None
    function: Function | None = None
    name: str | None = None


class Turn(msgspec.Struct):
    """One message. The content is null where an assistant only called tools."""

    role: str
    #: Schemas of 2025 allow one part without a list.
    content: str | list[Part] | Part | None = None
    tool_calls: list[CallItem] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class ResponseFormat(msgspec.Struct):
    """JSON mode. `json_schema` is a JSON Schema, bare or in OpenAI's wrapper of `name`, `strict` and `schema`."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None


class StreamOptions(msgspec.Struct):
    """`include_usage`: end an OpenAI stream with a chunk of token counts. `include_obfuscation`: false takes the
    padding out of other streams.
    """

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Inputs(msgspec.Struct):
    """All inputs that Paddock reads; others are ignored, as production ignores them."""

    prompt: str | None = None
    messages: list[Turn] | None = None
    #: A picture in the forms of `files.file_bytes`, of early vision models.
    image: Any = None
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
    tools: list[ToolItem] | None = None
    tool_choice: Literal["auto", "none", "required"] | Choice | None = None
    parallel_tool_calls: bool | None = None
    #: OpenAI's older form of `tools` and `tool_choice`; `function_call` is how the answer has it then.
    functions: list[Function] | None = None
    function_call: Literal["auto", "none"] | Choice | None = None
    #: Which efforts there are is the model's own matter; `none` is no reasoning at all.
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, bool | int | float | str | None] | None = None


def typed(inputs: Mapping[str, object]) -> Inputs:
    """The inputs as structs. Raises InputError with the path of what does not fit."""
    # JavaScript has one kind of number: 20.0 is an integer there, and the schema check takes it for one.
    whole = {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in inputs.items()}
    try:
        return msgspec.convert(whole, Inputs)
    except msgspec.ValidationError as error:
        raise InputError(f"Error: {error}") from error
