"""JSON Schemas as type annotations. What a type cannot say (limits, patterns) is left out; what is unclear is `Any`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Answers", "Inputs", "branches"]

_SCALARS: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_Schema = dict[str, Any]


def branches(schema: _Schema) -> list[_Schema]:
    """The tables that a schema allows: its `oneOf` and `anyOf` taken apart, each with what stands beside them."""
    for key in ("oneOf", "anyOf"):
        if isinstance(options := schema.get(key), list):
            rest = {name: value for name, value in schema.items() if name != key}
            found = [branch for option in options for branch in branches(_joined(rest, option))]
            return [branch for branch in found if branch["properties"]]
    return [{**schema, "properties": schema.get("properties") or {}}]


class _Converter:
    """Schema -> annotation. The definitions of what it names are appended to `types`, each before its first use."""

    def __init__(self, types: list[str]) -> None:
        self._types = types
        self._names: set[str] = set()

    def named(self, name: str, schema: object) -> str:
        """The annotation of a schema; tables in it get this name, or one that begins with it."""
        if not isinstance(schema, dict):
            return "Any"
        for key in ("oneOf", "anyOf"):
            if isinstance(options := schema.get(key), list):
                rest = {word: value for word, value in schema.items() if word not in (key, "default")}
                return _union(self.named(name, _joined(rest, option)) for option in options)
        if isinstance(values := schema.get("enum"), list) and all(isinstance(value, str) for value in values):
            return f"Literal[{', '.join(map(json.dumps, values))}]"
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return _union(self.named(name, {**schema, "type": kind}) for kind in kinds)
        if kinds == "array":
            return f"list[{self.named(f'{name}Item', schema.get('items'))}]"
        if schema.get("properties"):
            return self.table(name, schema)
        return _SCALARS.get(str(kinds), "Any")

    def table(self, name: str, schema: _Schema, inner: str = "") -> str:
        """A definition for a table, and its name. Equal names are told apart by a number. `inner` begins the names of
        the tables in it, as its own name does otherwise.
        """
        unique, number = name, 2
        while unique in self._names:
            unique, number = f"{name}{number}", number + 1
        self._names.add(unique)
        fields = {
            key: self.named((inner or unique) + _title(key), entry) for key, entry in schema["properties"].items()
        }
        self._types.append(self._definition(unique, fields, set(schema.get("required") or ())))
        return unique

    def _definition(self, name: str, fields: dict[str, str], required: set[str]) -> str:
        raise NotImplementedError


class Inputs(_Converter):
    """Tables are TypedDicts."""

    def _definition(self, name: str, fields: dict[str, str], required: set[str]) -> str:
        rows = [
            f"        {json.dumps(key)}: {f'Required[{kind}]' if key in required else kind},"
            for key, kind in fields.items()
        ]
        return "\n".join(
            [f"{name} = TypedDict(", f'    "{name}",', "    {", *rows, "    },", "    total=False,", ")\n"]
        )


class Answers(_Converter):
    """Tables are classes whose members are attributes and items."""

    def _definition(self, name: str, fields: dict[str, str], required: set[str]) -> str:
        lines = [f"class {name}:"]
        lines += [f"    {key}: {kind}" for key, kind in fields.items() if key.isidentifier()]
        overload = ["    @overload"] if len(fields) > 1 else []
        for key, kind in fields.items():
            lines += [*overload, f"    def __getitem__(self, key: Literal[{json.dumps(key)}]) -> {kind}: ..."]
        return "\n".join([*lines, ""])


def _joined(schema: _Schema, option: object) -> _Schema:
    """One option of a schema, with what stands beside the options."""
    if not isinstance(option, dict):
        return schema
    properties = {**(schema.get("properties") or {}), **(option.get("properties") or {})}
    required = [*(schema.get("required") or ()), *(option.get("required") or ())]
    return {**schema, **option, "properties": properties, "required": required}


def _union(kinds: Iterable[str]) -> str:
    found = list(dict.fromkeys(kinds))
    return "Any" if "Any" in found else " | ".join(found) or "Any"


def _title(key: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in key.replace("-", "_").split("_"))
