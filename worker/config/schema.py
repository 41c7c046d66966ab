"""The JSON Schema of wrangler-like.toml, for editors: made of the types that read it.

Lenient where wrangler has more keys than Paddock reads; strict about `[paddock]`, as reading is. What keys mean is in
the comments of the types, which only the source has: `describe` is given them (see tests/reference.py).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from paddock.worker.config.keys import INHERITABLE, NOT_INHERITABLE, TOP_LEVEL_ONLY, UNSUPPORTED
from paddock.worker.config.wrangler import WranglerKeys

__all__ = ["SCHEMA_FILE", "make_schema"]

#: Beside this module; `paddock schema` prints it.
SCHEMA_FILE: Final = "wrangler-like.schema.json"
_REF: Final = "#/$defs/{name}"
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def make_schema(meanings: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The schema. `meanings`: name of a type -> its key -> what it means."""
    _, components = msgspec.json.schema_components([WranglerKeys], ref_template=_REF)
    definitions: dict[str, Any] = {}
    for name, schema in sorted(components.items()):
        for key, entry in schema["properties"].items():
            if entry.pop("takes_one", False):  # see decoding.py; of `type`, msgspec lets only its own stand
                entry["type"] = [entry["type"], "string"]
            if meaning := meanings.get(name, {}).get(key):
                schema["properties"][key] = {"allOf": [entry], "description": meaning}
        definitions[name] = schema
    read = definitions.pop(WranglerKeys.__name__)["properties"]
    top, environment = (
        _keys(read, INHERITABLE | NOT_INHERITABLE | TOP_LEVEL_ONLY),
        _keys(read, INHERITABLE | NOT_INHERITABLE),
    )
    top["env"] = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Environment"}}
    definitions["Environment"] = {"type": "object", "properties": environment}
    return {
        "$schema": _DRAFT,
        "title": "wrangler-like.toml",
        "type": "object",
        "properties": top,
        "$defs": definitions,
    }


def _keys(read: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The keys of a section: those that Paddock reads as it reads them, the others as anything."""
    ignored = {"description": "Ignored by Paddock."}
    return {name: read.get(name, ignored if name in UNSUPPORTED else {}) for name in sorted(names)}
