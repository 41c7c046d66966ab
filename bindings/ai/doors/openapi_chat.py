"""Text generation in the OpenAPI document: answers of both shapes, and the OpenAI-compatible API.

The bodies are described as far as OpenAI's clients and every model agree: what a model takes beyond that stands in its
own schema, and unknown members are no error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.doors import openapi_embeddings, openapi_parts
from paddock.bindings.ai.doors.openapi_parts import Json, shape
from paddock.bindings.ai.tasks.text_generation.adapter import answers_as_chat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.card import ModelCard

__all__ = ["TASK", "paths", "result"]

#: Models of this task are described here.
TASK: Final = "text-generation"
_EMBEDDINGS: Final = "text-embeddings"
_QUESTION: Final = "Who are you?"
_TEXT: Final = {"type": "string"}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_COUNT: Final = {"type": "integer", "minimum": 0}


def paths(account: str, cards: Sequence[ModelCard]) -> dict[str, dict[str, object]]:
    """Path -> method -> operation. `account` is what stands before the routes."""
    models: Json = {"enum": [card.name for card in cards if card.task_type == TASK]}
    generations = (
        ("chat/completions", _chat(models), {"messages": [{"role": "user", "content": _QUESTION}]}, _COMPLETION),
        ("completions", _completion(models), {"prompt": _QUESTION}, _COMPLETION),
        ("responses", _responses(models), {"input": _QUESTION}, _RESPONSE),
    )
    embedding = [card.name for card in cards if card.task_type == _EMBEDDINGS]
    listings = (
        ("models", "List the catalog.", shape("object data", **_MODELS)),
        ("models/{model}", "One model of the catalog.", _LISTED),
    )
    return {
        **{f"{account}v1/{row[0]}": {"post": _generation(*row)} for row in generations},
        **({f"{account}v1/embeddings": {"post": openapi_embeddings.operation(embedding)}} if embedding else {}),
        **{f"{account}v1/{row[0]}": {"get": _listing(*row)} for row in listings},
    }


def result(card: ModelCard) -> Json:
    """What a run of this text model gives as JSON."""
    return _COMPLETION if answers_as_chat(card) else _NATIVE


def _generation(name: str, body: Json, example: Json, answer: Json) -> Json:
    return {
        "operationId": "post_v1_" + name.replace("/", "_"),
        "summary": f"OpenAI's /{name}, for every text model.",
        "tags": ["v1"],
        "parameters": [openapi_parts.variable("account_id")],
        "requestBody": openapi_parts.json_body(body, {"model": openapi_parts.EXAMPLE_MODEL, **example}),
        "responses": openapi_parts.generation(answer) | openapi_parts.failures(),
    }


def _listing(name: str, summary: str, answer: Json) -> Json:
    variables = ["account_id", *(["model"] if "{model}" in name else [])]
    return {
        "operationId": "get_v1_" + "_".join(variables[1:] or ["models"]),
        "summary": summary,
        "tags": ["v1"],
        "parameters": [openapi_parts.variable(variable) for variable in variables],
        "responses": openapi_parts.success(answer) | openapi_parts.failures(400, 401, 404),
    }


def _or_null(schema: object) -> Json:
    """Clients send null for what they leave out."""
    return {"anyOf": [schema, {"type": "null"}]}


_STOP: Final = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": 4}]}
_SHARED: Final[Json] = {
    "stream": _or_null({"type": "boolean"}),
    "stream_options": _or_null(shape(include_usage={"type": "boolean"})),
    "max_tokens": _or_null({"type": "integer", "minimum": 1}),
    "temperature": _or_null({"type": "number", "minimum": 0, "maximum": 2}),
    "top_p": _or_null({"type": "number", "minimum": 0, "maximum": 1}),
    "n": _or_null({"type": "integer", "minimum": 1, "maximum": 128}),
    "stop": _or_null(_STOP),
    "seed": _or_null({"type": "integer"}),
    "frequency_penalty": _or_null({"type": "number", "minimum": -2, "maximum": 2}),
    "presence_penalty": _or_null({"type": "number", "minimum": -2, "maximum": 2}),
    "logit_bias": _or_null({"type": "object", "additionalProperties": {"type": "number"}}),
    "user": _or_null(_TEXT),
}
_FORMAT: Final = {
    "oneOf": [
        shape("type", type={"enum": ["text", "json_object"]}),
        shape("type json_schema", type={"const": "json_schema"}, json_schema={"type": "object"}),
    ]
}
_PART: Final = shape("type text", type={"const": "text"}, text=_TEXT)
_IMAGE: Final = shape(
    "type image_url",
    type={"const": "image_url"},
    image_url=shape("url", url={"type": "string", "description": "data:image/png;base64,...; nothing is fetched."}),
)
_CONTENT: Final = {"anyOf": [_TEXT, {"type": "array", "items": {"oneOf": [_PART, _IMAGE]}}]}
_ROLES: Final = {"enum": ["system", "developer", "user", "assistant"]}
_MESSAGES: Final = {"type": "array", "minItems": 1, "items": shape("role content", role=_ROLES, content=_CONTENT)}
_TOOLS: Final = {
    "type": "array",
    "items": shape(
        "type function",
        type={"const": "function"},
        function=shape("name", name=_TEXT, description=_TEXT, parameters={"type": "object"}),
    ),
}


def _chat(models: Json) -> Json:
    more = {
        "max_completion_tokens": _or_null({"type": "integer", "minimum": 1}),
        "logprobs": _or_null({"type": "boolean"}),
        "top_logprobs": _or_null({"type": "integer", "minimum": 0, "maximum": 20}),
        "response_format": _or_null(_FORMAT),
        "tools": _or_null(_TOOLS),
        "tool_choice": _or_null({"enum": ["auto", "none", "required"]}),
    }
    return shape("model messages", model=models, messages=_MESSAGES, **_SHARED, **more)


def _completion(models: Json) -> Json:
    logprobs = _or_null({"type": "integer", "minimum": 0, "maximum": 20})
    return shape("model prompt", model=models, prompt=_TEXT, logprobs=logprobs, **_SHARED)


def _responses(models: Json) -> Json:
    item = shape("role content", role=_ROLES, content=_TEXT)
    return shape(
        "model input",
        model=models,
        input={"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": item}]},
        instructions=_TEXT_OR_NULL,
        max_output_tokens=_or_null({"type": "integer", "minimum": 1}),
        temperature=_SHARED["temperature"],
        top_p=_SHARED["top_p"],
        stream=_SHARED["stream"],
    )


_USAGE: Final = shape(
    "prompt_tokens completion_tokens total_tokens", prompt_tokens=_COUNT, completion_tokens=_COUNT, total_tokens=_COUNT
)
#: `response` is text, the document itself in JSON mode, or null or left out beside tool calls.
_NATIVE: Final = shape("usage", response={}, usage=_USAGE, tool_calls={"type": "array", "items": {"type": "object"}})
_REASON: Final = {"enum": ["stop", "length", "tool_calls", "function_call"]}
_MESSAGE: Final = shape("role content", role={"const": "assistant"}, content=_TEXT_OR_NULL)
_CHOICE: Final = shape("index finish_reason", index=_COUNT, finish_reason=_REASON, message=_MESSAGE, text=_TEXT) | {
    "oneOf": [{"required": ["message"]}, {"required": ["text"]}]
}
#: A chat completion; a text completion where a prompt was given instead of messages.
_COMPLETION: Final = shape(
    "id object created model choices usage",
    id=_TEXT,
    object={"enum": ["chat.completion", "text_completion"]},
    created={"type": "integer"},
    model=_TEXT,
    choices={"type": "array", "minItems": 1, "items": _CHOICE},
    usage=_USAGE,
)
_RESPONSE: Final = shape(
    "id object created_at status model output usage",
    id=_TEXT,
    object={"const": "response"},
    created_at={"type": "integer"},
    status={"enum": ["completed", "incomplete"]},
    model=_TEXT,
    output={"type": "array", "items": shape("type", type=_TEXT)},
    usage=shape("input_tokens output_tokens total_tokens", input_tokens=_COUNT, output_tokens=_COUNT),
)
_LISTED: Final = shape(
    "id object created owned_by", id=_TEXT, object={"const": "model"}, created={"type": "integer"}, owned_by=_TEXT
)
_MODELS: Final[Json] = {"object": {"const": "list"}, "data": {"type": "array", "items": _LISTED}}
