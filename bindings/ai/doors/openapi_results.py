"""What a run of a model gives, in the OpenAPI document: its task's answer, and what becomes of a batch.

The answers of text models are described as they come (`openapi_chat.py`): their files do not know JSON mode, tool calls
and answers to a prompt. Those of every other task are what the model's own output schema says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.doors import openapi_chat, openapi_parts
from paddock.bindings.ai.doors.openapi_parts import enveloped, failures, shape
from paddock.bindings.ai.tasks import task_of

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.doors.openapi_parts import Json

__all__ = ["answers", "valid"]

_TEXT: Final = {"type": "string"}
_ACCEPTED: Final = shape(
    "status request_id model", status={"enum": ["queued", "running"]}, request_id=_TEXT, model=_TEXT
)
_ANSWERED: Final = shape(
    "id success external_reference",
    id={"type": "integer", "minimum": 0},
    success={"type": "boolean"},
    external_reference={"type": ["string", "null"]},
)
_FETCHED: Final = shape("responses usage", responses={"type": "array", "items": _ANSWERED}, usage={"type": "object"})
_NOT_JSON_SCHEMA: Final = "The model's file has a schema that is not valid JSON Schema; see models/schema."


def answers(card: ModelCard) -> Json:
    """Status -> answer of `run` with this model: failures alone where nothing here runs its task."""
    if task_of(card) is None:
        return failures()
    is_text = card.task_type == openapi_chat.TASK
    result = openapi_chat.result(card) if is_text else _chosen(valid(card.output_schema))
    if card.takes_batches:
        result = {"anyOf": [result, _ACCEPTED, _FETCHED]}  # with `queueRequest`: its id, and later its answers
    schema = enveloped(result)
    return openapi_parts.generation(schema, has_stream=is_text, has_batches=card.takes_batches) | failures()


def _chosen(schema: object) -> object:
    """A model's choices as `anyOf`: model files say `oneOf`, of branches that require nothing and so fit each other."""
    if not isinstance(schema, dict) or "oneOf" not in schema:
        return schema
    others = {name: value for name, value in schema.items() if name != "oneOf"}
    return others | {"anyOf": [_chosen(branch) for branch in schema["oneOf"]]}


def valid(schema: Json | None) -> object:
    """A model's schema; nothing said where its file has none, or one that is not JSON Schema."""
    if schema is None:
        return {}
    import jsonschema  # a tenth of a server's start, for a document that few ask for

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError:
        return {"description": _NOT_JSON_SCHEMA}
    return schema
