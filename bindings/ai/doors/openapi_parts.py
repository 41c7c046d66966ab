"""What the operations of the OpenAPI document share: objects, the envelope, answers, failures and parameters."""

from __future__ import annotations

from typing import Final

from paddock.bindings.errors import ModelBusy, PaddockError

__all__ = [
    "EXAMPLE_MODEL",
    "Json",
    "enveloped",
    "failures",
    "generation",
    "json_body",
    "query",
    "shape",
    "success",
    "text_header",
    "variable",
]

Json = dict[str, object]

_TEXT: Final = {"type": "string"}
#: Its schema is the smallest of all.
EXAMPLE_MODEL: Final = "@cf/microsoft/phi-2"
_VARIABLES: Final = {
    "account_id": ("Any account id.", {"type": "string", "pattern": "^[0-9A-Za-z][0-9A-Za-z_-]*$"}, "local"),
    "model": ("A model id, its slashes as %2F.", {"type": "string", "minLength": 1}, EXAMPLE_MODEL),
    "finetune": ("Name or id of a finetune.", {"type": "string", "minLength": 1}, "my-finetune"),
}


def shape(required: str = "", **properties: object) -> Json:
    """An object's schema. `required`: names with spaces between them."""
    names = {"required": required.split()} if required else {}
    return {"type": "object", **names, "properties": properties}


def enveloped(result: object) -> Json:
    """A result in Cloudflare's envelope."""
    return shape(
        "result success errors messages",
        result=result,
        success={"const": True},
        errors={"type": "array", "maxItems": 0},
        messages={"type": "array"},
    )


def success(schema: object, headers: Json | None = None, **media_types: object) -> Json:
    """Status 200, as JSON."""
    answer: Json = {"description": "The result.", "content": {"application/json": {"schema": schema}, **media_types}}
    return {"200": answer | ({"headers": headers} if headers else {})}


def generation(schema: object, *, has_stream: bool = True, has_batches: bool = False) -> Json:
    """Status 200 of a model: JSON, or events where `stream` asked for them and the task has a stream.

    A batch that is accepted or fetched was answered by no weights yet, and its headers name none.
    """
    weights = text_header("What answered.", {"enum": ["configured", "pulled", "stand_in"]}, required=not has_batches)
    state = text_header("The model's state when the call came.", required=not has_batches)
    headers = _ANSWER_HEADERS | {"paddock-weights": weights, "paddock-model-state": state}
    # OpenAPI 3.1 has no words for the events of a stream.
    events: Json = {"text/event-stream": {}} if has_stream else {}
    return success(schema, headers, **events)


def failures(*statuses: int) -> Json:
    """Statuses with Cloudflare's envelope: these, or all that a run can end with."""
    chosen = statuses or sorted({401, 404, *(kind.status for kind in _kinds(PaddockError))} - {ModelBusy.status})
    return {str(status): {"$ref": "#/components/responses/Failure"} for status in chosen}


def json_body(schema: object, example: object | None = None, *, or_file: bool = False) -> Json:
    """The body that an operation takes: JSON, or a file as it is."""
    content: Json = {"schema": schema} | ({} if example is None else {"example": example})
    file: Json = {"application/octet-stream": {}} if or_file else {}
    return {"required": True, "content": {"application/json": content, **file}}


def variable(name: str) -> Json:
    """A variable of a path."""
    text, schema, example = _VARIABLES[name]
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema, "example": example}


def query(name: str, text: str) -> Json:
    """A parameter of a query. The model's id, which one route alone has, is what that cannot do without."""
    parameter: Json = {"name": name, "in": "query", "required": name == "model", "description": text, "schema": _TEXT}
    return parameter | ({"example": EXAMPLE_MODEL} if name == "model" else {})


def _kinds(kind: type[PaddockError]) -> list[type[PaddockError]]:
    """The errors of bindings/errors.py, which are those that a door can meet."""
    below = [error for child in kind.__subclasses__() for error in _kinds(child)]
    return [error for error in (kind, *below) if error.__module__ == PaddockError.__module__]


def text_header(text: str, schema: object = _TEXT, *, required: bool = False) -> Json:
    """A header of an answer."""
    return {"description": text, "required": required, "schema": schema}


_UUID: Final = {"type": "string", "format": "uuid"}
_ANSWER_HEADERS: Final[Json] = {
    "cf-ai-req-id": text_header("Id of the request.", _UUID, required=True),
    "cf-ai-neurons": text_header("What the call would have cost in production; not before a stream."),
}
