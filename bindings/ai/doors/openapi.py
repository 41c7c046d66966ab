"""The REST and OpenAI-compatible APIs as an OpenAPI 3.1 document, made from the tables of routes, the error tree and
the catalog, so that it is never stale.

`run` stands in it once for each model, with the model's own input schema, and once for any model, its slashes as `%2F`:
an OpenAPI path variable holds no slash. What a model answers with is in `openapi_results.py`.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.doors import openapi_chat, openapi_finetunes, openapi_objects, openapi_parts, openapi_results
from paddock.bindings.ai.doors.rest import ACCOUNT, ROUTES
from paddock.bindings.ai.doors.streamed import takes_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.doors.openapi_parts import Json
    from paddock.bindings.ai.doors.rest import Route

__all__ = ["PATH", "describe"]

#: Where the document is served.
PATH: Final = "/cdn-cgi/local/ai/openapi.json"
_RUN: Final = "run/{model}"
_RUNS: Final = ("run", _RUN)
_TO_MARKDOWN: Final = "tomarkdown"
#: What is in the envelope; anything for a path that is not here.
_RESULTS: Final[dict[str, object]] = {
    "models/schema": openapi_objects.BOTH_SCHEMAS,
    "tasks/search": {"type": "array", "items": openapi_objects.TASK},
    "authors/search": {"type": "array", "items": openapi_objects.AUTHOR},
    _TO_MARKDOWN: {"type": "array", "items": openapi_objects.CONVERTED},
    "tomarkdown/supported": {"type": "array", "items": openapi_objects.FORMAT},
}
_MODEL: Final = {"type": "object", "required": ["model"], "properties": {"model": {"type": "string"}}}


def describe(catalog: Iterable[ModelCard]) -> dict[str, object]:
    """The document. Its server is the one that it was read from."""
    cards = list(catalog)
    paths: dict[str, dict[str, object]] = {}
    for route in ROUTES:
        paths.setdefault(ACCOUNT + route.path, {})[route.method.lower()] = _operation(route, None)
    run = next(route for route in ROUTES if route.path == _RUN)
    for card in cards:
        paths[ACCOUNT + run.path.replace("{model}", card.name)] = {run.method.lower(): _operation(run, card)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Paddock: Workers AI over REST",
            "version": version("paddock"),
            "summary": "Workers AI's REST API and its OpenAI-compatible API, as this server answers them.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"key": []}, {}],
        "paths": paths | openapi_chat.paths(ACCOUNT, cards),
        "components": openapi_objects.COMPONENTS,
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
        content: dict[str, object] = {"multipart/form-data": {"schema": openapi_objects.DOCUMENTS}}
        operation["requestBody"] = {"required": True, "content": content}
    if (body := openapi_finetunes.BODIES.get((route.method, route.path))) is not None:
        operation["requestBody"] = body
    if route.path in _RUNS:
        example, or_file = (None, takes_bytes(card)) if card else (_example(route), False)
        operation["requestBody"] = openapi_parts.json_body(_inputs(route, card), example, or_file=or_file)
    return operation


def _parameters(route: Route, card: ModelCard | None) -> list[dict[str, object]]:
    names = re.findall(r"\{(\w+)\}", ACCOUNT + route.path)
    found = [openapi_parts.variable(name) for name in names if card is None or name != "model"]
    return found + [openapi_parts.query(name, text) for name, text in route.query.items()]


def _inputs(route: Route, card: ModelCard | None) -> object:
    if card is not None:
        return openapi_results.valid(card.input_schema)
    return {"type": "object"} if route.path == _RUN else _MODEL


def _example(route: Route) -> Json:
    inputs: Json = {"prompt": "Who are you?"}
    return inputs if route.path == _RUN else {"model": openapi_parts.EXAMPLE_MODEL, **inputs}


def _responses(route: Route, card: ModelCard | None) -> dict[str, object]:
    if card is not None:
        return openapi_results.answers(card)
    if route.path in _RUNS:
        return openapi_parts.generation(openapi_parts.enveloped({}), has_batches=True) | openapi_parts.failures()
    if (described := openapi_finetunes.RESULTS.get((route.method, route.path))) is not None:
        answers = openapi_parts.success(openapi_parts.enveloped(described))
        return answers | openapi_parts.failures(*openapi_finetunes.STATUSES)
    schema = openapi_parts.enveloped(_RESULTS.get(route.path, {}))
    if route.path == "models/search":
        schema = {"$ref": "#/components/schemas/Page"}
    failed = openapi_parts.failures() if route.path == _TO_MARKDOWN else openapi_parts.failures(400, 401, 404)
    return openapi_parts.success(schema) | failed
