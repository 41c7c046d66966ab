"""A value that fits a JSON Schema, made of random numbers: fake answers in JSON mode, and arguments of tools.

Covers what schemas of answers consist of. What it cannot make (a `pattern`, a contradiction) is an error that says so,
because the value is checked against the whole schema before it is used.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, Final

from paddock.bindings.errors import EngineError
from paddock.worker.testing.fakewords import sentences, word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

__all__ = ["value_for"]

_FORMATS: Final = {
    "date": "2026-03-14",
    "time": "15:09:26Z",
    "date-time": "2026-03-14T15:09:26Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "5f0c9c1e-4d3b-4a52-9f3e-2c7d1a6b8e90",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}
_DEEPEST: Final = 12


def value_for(schema: Mapping[str, Any], random: Random) -> object:
    """A value that fits. Raises EngineError where none was found."""
    import jsonschema  # few tests come here, and it takes as long to import as all else that they need

    value = _Maker(schema, random).make(schema, 0)
    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError as error:
        raise EngineError(
            f"Fake mode made no value that fits the JSON Schema: {error.message} (at {error.json_path}).",
            hint="Give the answer with ai.reply(...).",
        ) from error
    return value


class _Maker:
    def __init__(self, root: Mapping[str, Any], random: Random) -> None:
        self._root = root
        self._random = random

    def make(self, schema: object, depth: int) -> object:
        if not isinstance(schema, dict):
            return word(self._random)
        if "$ref" in schema:
            return self.make(self._referred(str(schema["$ref"])), depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._random.choice(schema["enum"])
        for choice in ("oneOf", "anyOf"):
            if schema.get(choice):
                options = schema[choice]
                option = options[0] if depth > _DEEPEST else self._random.choice(options)
                return self.make(_merged([{k: v for k, v in schema.items() if k != choice}, option]), depth + 1)
        if schema.get("allOf"):
            rest = {name: value for name, value in schema.items() if name != "allOf"}
            return self.make(_merged([rest, *schema["allOf"]]), depth + 1)
        return self._typed(schema, depth)

    def _typed(self, schema: dict[str, Any], depth: int) -> object:
        kind = schema.get("type") or (
            "object" if "properties" in schema else "array" if "items" in schema else "string"
        )
        if isinstance(kind, list):
            kind = next((name for name in kind if name != "null"), "null")
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                least = schema.get("minItems", 0)
                count = least if depth > _DEEPEST else max(least, min(schema.get("maxItems", 2), 2))
                return [self.make(schema.get("items", {}), depth + 1) for _ in range(count)]
            case "integer":
                return self._number(schema, 1)
            case "number":
                return self._number(schema, schema.get("multipleOf", 0.5))
            case "boolean":
                return self._random.random() < 0.5
            case "null":
                return None
        return self._text(schema)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, object]:
        properties: dict[str, Any] = schema.get("properties", {})
        required = schema.get("required", [])
        names = [name for name in properties if name in required or depth < 3]
        names += [name for name in required if name not in properties]
        return {name: self.make(properties.get(name, {}), depth + 1) for name in names}

    def _number(self, schema: dict[str, Any], step: float) -> float:
        step = schema.get("multipleOf", step)
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        if low is None:
            low = 0 if high is None else high - 100 * step
        if high is None:
            high = low + 100 * step
        first = -(-low // step) + (low % step == 0 and "exclusiveMinimum" in schema)
        last = high // step - (high % step == 0 and "exclusiveMaximum" in schema)
        return self._random.randint(int(first), max(int(first), int(last))) * step

    def _text(self, schema: dict[str, Any]) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        text = sentences(self._random) if least > 12 else word(self._random)
        while len(text) < least:
            text += self._random.choice(string.ascii_lowercase)
        return text if most is None else text[:most]

    def _referred(self, reference: str) -> object:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
        return found


def _merged(schemas: list[Any]) -> dict[str, Any]:
    """One schema for several that hold at once."""
    merged: dict[str, Any] = {}
    for schema in schemas:
        for name, value in schema.items() if isinstance(schema, dict) else ():
            if name == "properties":
                merged[name] = {**merged.get(name, {}), **value}
            elif name == "required":
                merged[name] = [*merged.get(name, []), *value]
            else:
                merged[name] = value
    return merged
