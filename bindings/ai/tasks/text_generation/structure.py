"""JSON mode: which JSON Schema the answer has to fit, and the document that the answer is.

Source: developer docs, JSON Mode; captured replies; WA-071 to WA-077.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.bindings.errors import InputError, JsonModeUnmet

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import FinishReason
    from paddock.bindings.ai.tasks.text_generation.inputs import Inputs

__all__ = ["check_document", "document", "wanted_schema"]

#: `json_object` promises an object, whatever is in it.
_ANY_OBJECT: Final = '{"type":"object"}'


def wanted_schema(given: Inputs) -> str | None:
    """The JSON Schema that the inputs ask for, as text; None without JSON mode."""
    wanted = given.response_format
    if wanted is not None and wanted.type == "json_object":
        return _ANY_OBJECT
    if wanted is not None and wanted.type == "json_schema":
        if wanted.json_schema is None:
            raise InputError("Error: response_format.json_schema: expected a JSON Schema; got nothing")
        return _encoded(_unwrapped(wanted.json_schema))
    return None if given.guided_json is None else _encoded(given.guided_json)


def document(text: str, finish_reason: FinishReason) -> object:
    """The value that a JSON answer is. Raises JsonModeUnmet when it was cut, or is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        why = "max_tokens ended it" if finish_reason == "length" else "it is not JSON"
        raise JsonModeUnmet(
            hint=f"The answer of {len(text)} characters is no whole JSON document: {why}. "
            "Raise max_tokens, ask for less, or simplify the schema."
        ) from error


def check_document(text: str, finish_reason: FinishReason) -> str:
    """The text of a JSON answer, known to be whole. Raises JsonModeUnmet."""
    document(text, finish_reason)
    return text


def _unwrapped(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, out of OpenAI's wrapper; a schema that merely describes such properties is left alone."""
    inner = schema.get("schema")
    return inner if isinstance(inner, dict) and ("name" in schema or "strict" in schema) else schema


def _encoded(schema: dict[str, Any]) -> str:
    return msgspec.json.encode(schema).decode()
