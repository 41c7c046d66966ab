"""Values for JSON Schemas."""

from random import Random
from typing import Any

import jsonschema
import pytest

from paddock.bindings.errors import EngineError
from paddock.worker.testing.fakevalues import value_for

SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "minLength": 20, "maxLength": 30},
    {"type": "string", "format": "date-time"},
    {"type": "integer", "minimum": 3, "maximum": 3},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
    {"type": "integer", "maximum": -7},
    {"type": "number", "minimum": 0.1, "maximum": 0.7},
    {"type": "number", "multipleOf": 0.25, "minimum": 1},
    {"type": ["null", "boolean"]},
    {"const": {"a": [1]}},
    {"enum": ["a", 2, None]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "maxItems": 1, "items": {"type": "string"}},
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
    {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    {"type": "object", "properties": {"a": {}}, "anyOf": [{"required": ["a"]}]},
    {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}], "type": "object"},
    {"$defs": {"leaf": {"type": "boolean"}}, "type": "array", "minItems": 1, "items": {"$ref": "#/$defs/leaf"}},
    {"$defs": {"tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}}, "$ref": "#/$defs/tree"},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_values_fit(schema: dict[str, Any]) -> None:
    for seed in range(20):
        jsonschema.validate(value_for(schema, Random(seed)), schema)


def test_what_cannot_be_made_is_an_error() -> None:
    with pytest.raises(EngineError, match=r"made no value that fits .*\[0-9\]"):
        value_for({"type": "string", "pattern": "^[0-9]+$"}, Random(0))
