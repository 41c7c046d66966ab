"""`/embeddings` of the OpenAI-compatible API in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.doors import openapi_parts
from paddock.bindings.ai.doors.openapi_parts import shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.ai.doors.openapi_parts import Json

__all__ = ["operation"]

_TEXT: Final = {"type": "string", "minLength": 1}
_COUNT: Final = {"type": "integer", "minimum": 0}
#: Numbers, or the bytes of float32 numbers in base64.
_VECTOR: Final = {"anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "string"}]}
_EMBEDDING: Final = shape("object index embedding", object={"const": "embedding"}, index=_COUNT, embedding=_VECTOR)
_ANSWER: Final = shape(
    "object data model usage",
    object={"const": "list"},
    data={"type": "array", "minItems": 1, "items": _EMBEDDING},
    model={"type": "string"},
    usage=shape("prompt_tokens total_tokens", prompt_tokens=_COUNT, total_tokens=_COUNT),
)


def operation(models: Sequence[str]) -> Json:
    """The operation; `models` are those that answer, at least one."""
    texts = {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}]}
    form = {"anyOf": [{"enum": ["float", "base64"]}, {"type": "null"}]}
    body = shape("model input", model={"enum": [*models]}, input=texts, encoding_format=form)
    return {
        "operationId": "post_v1_embeddings",
        "summary": "OpenAI's /embeddings, for every embedding model.",
        "tags": ["v1"],
        "parameters": [openapi_parts.variable("account_id")],
        "requestBody": openapi_parts.json_body(body, {"model": models[0], "input": "Tell me about lighthouses."}),
        "responses": openapi_parts.success(_ANSWER) | openapi_parts.failures(),
    }
