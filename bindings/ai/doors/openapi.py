"""The REST API as an OpenAPI 3.1 document, made from the table of routes and the catalog, so that it is never stale.

`run` stands in it once for each model, with the model's own schemas, and once for any model, its slashes as `%2F`:
an OpenAPI path variable holds no slash.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import jsonschema

from paddock.bindings.ai.doors.rest import ACCOUNT, ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.doors.rest import Route

__all__ = ["PATH", "describe"]

#: Where the document is served.
PATH: Final = "/cdn-cgi/local/ai/openapi.json"
_RUN: Final = "run/{model}"
_LIST: Final = "models/search"
_TO_MARKDOWN: Final = "tomarkdown"
_VARIABLES: Final = {
    "account_id": ("Any account id.", "local"),
    "model": ("A model id, its slashes as %2F.", None),
    "finetune": ("Name or id of a finetune.", None),
}


def describe(catalog: Iterable[ModelCard]) -> dict[str, object]:
    """The document. Its server is the one that it was read from."""
    paths: dict[str, dict[str, object]] = {}
    for route in ROUTES:
        paths.setdefault(ACCOUNT + route.path, {})[route.method.lower()] = _operation(route, None)
    run = next(route for route in ROUTES if route.path == _RUN)
    for card in catalog:
        paths[ACCOUNT + run.path.replace("{model}", card.name)] = {run.method.lower(): _operation(run, card)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Paddock: Workers AI over REST",
            "version": version("paddock"),
            "summary": "Cloudflare's REST API for Workers AI, as this server answers it.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"key": []}, {}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS, "responses": _RESPONSES, "securitySchemes": _SECURITY},
    }


def _operation(route: Route, card: ModelCard | None) -> dict[str, object]:
    words = [route.method.lower(), *re.findall(r"\w+", card.name if card else route.path)]
    operation: dict[str, object] = {
        "operationId": "_".join(words),
        "summary": f"Run {card.name}; the body is its inputs." if card else route.summary,
        "tags": [route.path.partition("/")[0]],
        "parameters": _parameters(route, card),
        "responses": _responses(route, card),
    }
    if card is not None and card.description:
        operation["description"] = card.description
    if route.method == "POST" and route.path == _TO_MARKDOWN:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _DOCUMENTS}}}
    if route.method == "POST" and route.path in ("run", _RUN):
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _inputs(route, card)}}}
    return operation


def _parameters(route: Route, card: ModelCard | None) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for name in re.findall(r"\{(\w+)\}", ACCOUNT + route.path):
        if name == "model" and card is not None:
            continue
        text, example = _VARIABLES[name]
        parameter = {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}
        found.append(parameter if example is None else parameter | {"example": example})
    for name, text in route.query.items():
        # The schema route alone cannot do without its query.
        is_required = name == "model"
        found.append(
            {"name": name, "in": "query", "required": is_required, "description": text, "schema": {"type": "string"}}
        )
    return found


def _inputs(route: Route, card: ModelCard | None) -> object:
    if card is not None:
        return _valid(card.input_schema)
    if route.path == _RUN:
        return {"type": "object"}
    return {"type": "object", "required": ["model"], "properties": {"model": {"type": "string"}}}


def _responses(route: Route, card: ModelCard | None) -> dict[str, object]:
    answers: dict[str, object] = {
        "401": {"$ref": "#/components/responses/Failure"},
        "default": {"$ref": "#/components/responses/Failure"},
    }
    if "Not served yet" in route.summary:
        return {"404": {"$ref": "#/components/responses/Failure"}, **answers}
    content: dict[str, object] = {"application/json": {"schema": _answer(route, card)}}
    if route.path in ("run", _RUN):
        content["text/event-stream"] = {}  # OpenAPI 3.1 has no words for the events of a stream
    return {"200": {"description": "The result in its envelope, or a stream.", "content": content}, **answers}


def _answer(route: Route, card: ModelCard | None) -> object:
    if card is not None:
        return _enveloped(_valid(card.output_schema))
    if route.path == _TO_MARKDOWN:
        return _enveloped(_CONVERTED)
    return {"$ref": f"#/components/schemas/{'Page' if route.path == _LIST else 'Success'}"}


def _valid(schema: dict[str, object] | None) -> object:
    """A model's schema; nothing said of inputs or outputs where its file has none, or one that is not JSON Schema."""
    if schema is None:
        return {}
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError:
        return {"description": "The model's file has a schema that is not valid JSON Schema; see models/schema."}
    return schema


def _enveloped(result: object) -> dict[str, object]:
    return {
        "type": "object",
        "required": ["result", "success", "errors", "messages"],
        "properties": {
            "result": result,
            "success": {"type": "boolean"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Error"}},
            "messages": {"type": "array"},
        },
    }


_DOCUMENTS: Final = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}},
        "conversionOptions": {
            "type": "object",
            "properties": {
                "html": {
                    "type": "object",
                    "properties": {"hostname": {"type": "string"}, "cssSelector": {"type": "string"}},
                },
                "pdf": {"type": "object", "properties": {"metadata": {"type": "boolean"}}},
                "output": {"type": "object", "properties": {"format": {"enum": ["markdown", "text"]}}},
            },
        },
    },
}
_CONVERTED: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id", "name", "mimeType", "format"],
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "mimeType": {"type": "string"},
            "format": {"enum": ["markdown", "text", "error"]},
            "tokens": {"type": "integer"},
            "data": {"type": "string"},
            "error": {"type": "string"},
        },
    },
}
_ENVELOPE: Final = _enveloped({})
_COUNTS: Final = ("page", "per_page", "count", "total_count", "total_pages")
_SCHEMAS: Final = {
    "Error": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
    },
    "Success": _ENVELOPE,
    "Page": {
        "allOf": [
            {"$ref": "#/components/schemas/Success"},
            {
                "type": "object",
                "required": ["result_info"],
                "properties": {
                    "result": {"type": "array", "items": {"type": "object"}},
                    "result_info": {
                        "type": "object",
                        "required": [*_COUNTS],
                        "properties": {name: {"type": "integer"} for name in _COUNTS},
                    },
                },
            },
        ]
    },
    "Failure": _ENVELOPE,
}
_RESPONSES: Final = {
    "Failure": {
        "description": "Why there is no result: production's error number and text.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
    }
}
_SECURITY: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "Asked for when the configuration sets api_token."},
    "key": {"type": "apiKey", "in": "header", "name": "X-Auth-Key", "description": "The same token."},
}
