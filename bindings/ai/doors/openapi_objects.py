"""Cloudflare's own objects in the OpenAPI document, and its components."""

from __future__ import annotations

from typing import Final

from paddock.bindings.ai.doors.openapi_parts import enveloped, shape, text_header

__all__ = ["AUTHOR", "BOTH_SCHEMAS", "COMPONENTS", "CONVERTED", "DOCUMENTS", "FORMAT", "TASK"]

_TEXT: Final = {"type": "string"}
TASK: Final = shape("id name description", id=_TEXT, name=_TEXT, description={"type": ["string", "null"]})
AUTHOR: Final = shape("name", name=_TEXT)
BOTH_SCHEMAS: Final = shape("input output", input={"type": "object"}, output={"type": "object"})
FORMAT: Final = shape("extension mimeType", extension=_TEXT, mimeType=_TEXT)
CONVERTED: Final = shape(
    "id name mimeType format",
    id=_TEXT,
    name=_TEXT,
    mimeType=_TEXT,
    format={"enum": ["markdown", "text", "error"]},
    tokens={"type": "integer"},
    data=_TEXT,
    error=_TEXT,
)
DOCUMENTS: Final = shape(
    "files",
    files={"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}},
    conversionOptions=shape(
        html=shape(hostname=_TEXT, cssSelector=_TEXT),
        pdf=shape(metadata={"type": "boolean"}),
        output=shape(format={"enum": ["markdown", "text"]}),
    ),
)
_MODEL: Final = shape(
    "id source name description task tags properties",
    id=_TEXT,
    source={"enum": [1, 2]},
    name=_TEXT,
    description={"type": ["string", "null"]},
    task={"anyOf": [TASK, {"type": "null"}]},
    tags={"type": "array", "items": _TEXT},
    properties={"type": "array", "items": shape("property_id value", property_id=_TEXT, value={})},
    created_at=_TEXT,
)
_COUNTS: Final = ("page", "per_page", "count", "total_count", "total_pages")
_PAGE: Final = {
    "allOf": [
        enveloped({"type": "array", "items": _MODEL}),
        shape("result_info", result_info=shape(" ".join(_COUNTS), **{name: {"type": "integer"} for name in _COUNTS})),
    ]
}
_ERROR: Final = shape("code message", code={"type": "integer"}, message=_TEXT)
_FAILURE: Final = shape(
    "result success errors messages",
    # Null where the API's front end refused the request, an empty object where the AI service did.
    result={"anyOf": [{"type": "null"}, {"type": "object", "maxProperties": 0}]},
    success={"const": False},
    errors={"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Error"}},
    messages={"type": "array", "maxItems": 0},
    # On the OpenAI-compatible API alone: the same once more, where its clients look.
    error=shape("message type code", message=_TEXT, type=_TEXT, code=_TEXT),
)
_FAILURE_HEADERS: Final = {
    "cf-ai-req-id": text_header("Id of a request that reached the AI service.", {"type": "string", "format": "uuid"}),
    "paddock-error": text_header("Paddock's own name for the failure."),
    "paddock-hint": text_header("What to do."),
    "retry-after": text_header("Seconds; with 429."),
    "allow": text_header("The methods of the path; with 405."),
}
COMPONENTS: Final = {
    "schemas": {"Error": _ERROR, "Page": _PAGE, "Failure": _FAILURE},
    "responses": {
        "Failure": {
            "description": "Why there is no result: production's error number and text.",
            "headers": _FAILURE_HEADERS,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
        }
    },
    "securitySchemes": {
        "token": {"type": "http", "scheme": "bearer", "description": "Asked for when the configuration has a token."},
        "key": {"type": "apiKey", "in": "header", "name": "X-Auth-Key", "description": "The same token."},
    },
}
