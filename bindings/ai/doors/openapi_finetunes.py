"""What the finetune routes take and answer, as JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.doors.openapi_parts import json_body, shape
from paddock.bindings.ai.finetunes.adapter import FILES

if TYPE_CHECKING:
    from paddock.bindings.ai.doors.openapi_parts import Json

__all__ = ["BODIES", "RESULTS", "STATUSES"]

_LIST: Final = "finetunes"
_ASSETS: Final = "finetunes/{finetune}/finetune-assets"
_EXAMPLE: Final = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}
_ROW: Final = {
    "id": _TEXT,
    "name": _TEXT,
    "model": _TEXT,
    "description": _TEXT,
    "created_at": _TIME,
    "modified_at": _TIME,
}
_FINETUNE: Final = shape(" ".join([*_ROW, "public"]), **_ROW, public={"type": "boolean"})
_CREATION: Final = shape(
    "model name",
    model=_TEXT,
    name={"type": "string", "minLength": 1, "maxLength": 100},
    description={"type": ["string", "null"], "maxLength": 10_000},
    public={"type": ["boolean", "null"]},
)
_FORM: Final = shape(
    "file file_name",
    file={"type": "string", "contentMediaType": "application/octet-stream"},
    file_name={"enum": list(FILES)},
)
_ASSET: Final = shape(
    "id finetune_id file_name bucket_name created_at modified_at success",
    id=_TEXT,
    finetune_id=_TEXT,
    file_name={"enum": list(FILES)},
    bucket_name=_TEXT,
    created_at=_TIME,
    modified_at=_TIME,
    success={"const": True},
)
#: (method, path) -> the body of the operation.
BODIES: Final[dict[tuple[str, str], Json]] = {
    ("POST", _LIST): json_body(_CREATION, {"model": _EXAMPLE, "name": "my-finetune"}),
    ("POST", _ASSETS): {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}},
}
#: (method, path) -> what is in the envelope.
RESULTS: Final[dict[tuple[str, str], Json]] = {
    ("GET", _LIST): {"type": "array", "items": shape(" ".join(_ROW), **_ROW)},
    ("POST", _LIST): _FINETUNE,
    ("GET", "finetunes/public"): {"type": "array", "items": _FINETUNE},
    ("POST", _ASSETS): _ASSET,
}
#: What else than success these routes can end with.
STATUSES: Final = (400, 401, 404, 405, 413, 500, 503)
