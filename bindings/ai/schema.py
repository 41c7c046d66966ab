"""A model's own JSON Schema, compiled once: inputs in, inputs with defaults out, or production's error message.

The rules are not those of standard JSON Schema (see schema_nodes.py), so the `jsonschema` package cannot decide here.
The tests hold it against this file wherever the two must agree.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, TypeVar, cast

from paddock.bindings.ai.javascript import js_regex
from paddock.bindings.ai.schema_nodes import AllOf, Anything, Choice, Not, Recursion
from paddock.bindings.ai.schema_scalars import Bounds, ScalarShape
from paddock.bindings.ai.schema_scope import ABSENT, Node, Path, Refusal, Scope, type_names
from paddock.bindings.ai.schema_shapes import ArrayShape, ObjectShape
from paddock.bindings.errors import CatalogError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Schema", "compile_schema"]

_T = TypeVar("_T")

#: Deepest nesting of a schema. The deepest of Cloudflare's own, with everything expanded in place, has about 20.
_MAX_DEPTH: Final = 100


class Schema:
    """Checks inputs. A model without a schema has one that takes every object."""

    def __init__(self, root: Node | None) -> None:
        self._root = root

    def check(self, inputs: object) -> dict[str, object]:
        """Return the inputs with the defaults of the matching branch filled in. The argument is not changed.

        A default brings the objects around it where they were left out. After a check, parts of the inputs may still
        have other types than declared: production does not look into arrays of numbers and text, and treats what is
        no text, array or object as left out where an array is declared. Convert before use.
        Raises: InputError with production's message, `Error: ` included.
        Source: developer docs "Workers AI / errors", code 5006; WA-017 to WA-042.
        """
        scope = Scope()
        try:
            if self._root is not None:
                self._root.visit(inputs, (), scope)
        except Refusal as refusal:
            raise InputError(f"Error: {refusal.message}") from refusal
        if not isinstance(inputs, dict):
            got = ",".join(f"'{name}'" for name in type_names(inputs))
            raise InputError(f"Error: Type mismatch of '/', 'object' not in {got}")
        return _filled(inputs, scope.defaults)


def compile_schema(schema: Mapping[str, object] | None, *, file: str = "", key: str = "schema") -> Schema:
    """Compile a schema; None accepts every object. `file` and `key` say in errors where the schema stands.

    Keywords that production ignores (`format`, `contentType`, `maxItems`, ...) are ignored here too.
    Raises: CatalogError for a keyword with a value that it cannot have, a `$ref` that leads nowhere, or a schema that
    is nested too deep.
    """
    if schema is None:
        return Schema(None)
    return Schema(_Compiler(schema, file, key).node(schema, (), None))


def _filled(inputs: Mapping[str, object], defaults: list[tuple[Path, object]]) -> dict[str, object]:
    """Set defaults in a copy; what no default touches is shared with the original."""
    copies: dict[Path, object] = {(): dict(inputs)}

    def copied(path: Path) -> object:
        if path not in copies:
            around = copied(path[:-1])
            inner = _child(around, path[-1])
            if inner is ABSENT:
                inner = {}
                _put_child(around, path[-1], inner)
            elif isinstance(inner, dict | list):
                inner = copy.copy(inner)
                _put_child(around, path[-1], inner)
            copies[path] = inner
        return copies[path]

    for path, default in defaults:
        around = copied(path[:-1]) if path else None
        if isinstance(around, dict):
            around[path[-1]] = copy.deepcopy(default)
    return cast(dict[str, object], copies[()])


def _child(around: object, key: str) -> object:
    if isinstance(around, list):
        # Where an object is declared and a list was given, the key is no index, and there is nothing to fill in.
        return around[int(key)] if key.isdecimal() and int(key) < len(around) else None
    return around.get(key, ABSENT) if isinstance(around, dict) else None


def _put_child(around: object, key: str, inner: object) -> None:
    if isinstance(around, list):
        around[int(key)] = inner
    elif isinstance(around, dict):
        around[key] = inner


class _Compiler:
    """Turns one schema text into nodes. `where` is the path of keywords to the schema at hand, for errors."""

    def __init__(self, root: Mapping[str, object], file: str, key: str) -> None:
        self._root = root
        self._file = file
        self._key = key
        #: Targets of `$ref`; a Recursion while the target is being compiled.
        self._targets: dict[tuple[str, object], Node] = {}

    def node(self, schema: object, where: Path, inherited_type: object) -> Node:
        if len(where) > _MAX_DEPTH:
            raise self._error(where[:3], f"expected a schema of at most {_MAX_DEPTH} levels")
        # Early files hold a `required` list inside `properties`: a list where a schema belongs. It says nothing.
        if not isinstance(schema, dict):
            return Anything()
        if "$ref" in schema:
            return self._target(schema["$ref"], where, inherited_type)
        kind = schema.get("type", inherited_type)
        return self._negated(schema, where, self._chosen(schema, where, kind))

    def _negated(self, schema: dict[str, object], where: Path, rest: Node) -> Node:
        return Not(self.node(schema["not"], (*where, "not"), None), rest) if "not" in schema else rest

    def _chosen(self, schema: dict[str, object], where: Path, kind: object) -> Node:
        for keyword in ("oneOf", "anyOf"):
            if keyword in schema:
                return Choice(self._list(schema, keyword, where, kind), is_exclusive=keyword == "oneOf")
        shape = self._shape(schema, where, kind)
        return AllOf(self._list(schema, "allOf", where, kind), shape) if "allOf" in schema else shape

    def _list(self, schema: dict[str, object], keyword: str, where: Path, kind: object) -> tuple[Node, ...]:
        options: list[object] = self._typed(schema, keyword, where, list, "a list of schemas") or []
        # A branch without `type` has that of the schema around it.
        return tuple(self.node(option, (*where, keyword, str(i)), kind) for i, option in enumerate(options))

    def _shape(self, schema: dict[str, object], where: Path, kind: object) -> Node:
        if kind == "array":
            items = self.node(schema["items"], (*where, "items"), None) if "items" in schema else None
            return ArrayShape(items, self._scalar(schema, where, kind))
        if kind == "object" or "properties" in schema:
            return self._object(schema, where)
        return self._scalar(schema, where, kind)

    def _object(self, schema: dict[str, object], where: Path) -> Node:
        properties = self._typed(schema, "properties", where, dict, "an object of schemas") or {}
        required = self._typed(schema, "required", where, list, "a list of names") or []
        if not all(isinstance(name, str) for name in required):
            raise self._error((*where, "required"), f"expected a list of names, got {required!r}")
        nodes = {name: self.node(inner, (*where, "properties", name), None) for name, inner in properties.items()}
        return ObjectShape(
            properties=nodes,
            required=tuple(required),
            loud=frozenset(name for name, node in nodes.items() if not node.is_silent),
            additional=self._others(schema, "additionalProperties", where),
            unevaluated=self._others(schema, "unevaluatedProperties", where),
            min_properties=self._number(schema, "minProperties", where),
            max_properties=self._number(schema, "maxProperties", where),
        )

    def _others(self, schema: dict[str, object], keyword: str, where: Path) -> Node | bool | None:
        if keyword not in schema:
            return None
        return False if schema[keyword] is False else self.node(schema[keyword], (*where, keyword), None)

    def _scalar(self, schema: dict[str, object], where: Path, kind: object) -> ScalarShape:
        pattern = self._typed(schema, "pattern", where, str, "text") if "pattern" in schema else None
        return ScalarShape(
            type=kind,
            const=schema.get("const", ABSENT),
            enum=schema.get("enum", ABSENT),
            bounds=Bounds(**{field: self._number(schema, keyword, where) for field, keyword in _BOUNDS.items()}),
            pattern=pattern,
            regex=js_regex(pattern) if pattern is not None else None,
            default=schema.get("default", ABSENT),
        )

    def _target(self, reference: object, where: Path, inherited_type: object) -> Node:
        if not isinstance(reference, str):
            raise self._error((*where, "$ref"), f"expected text, got {reference!r}")
        key = (reference, str(inherited_type))
        known = self._targets.get(key)
        if known is None:
            self._targets[key] = recursion = Recursion()
            known = self.node(self._resolve(reference, where), where, inherited_type)
            self._targets[key] = recursion.target = known
        return known

    def _resolve(self, reference: str, where: Path) -> object:
        found: object = self._root
        if not reference.startswith("#/"):
            raise self._error(
                (*where, "$ref"), f"expected a reference into the same schema (`#/$defs/...`), got {reference!r}"
            )
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise self._error((*where, "$ref"), f"{reference!r} leads nowhere")
            found = found[name]
        return found

    def _number(self, schema: dict[str, object], keyword: str, where: Path) -> float | None:
        value = schema.get(keyword)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise self._error((*where, keyword), f"expected a number, got {value!r}")

    def _typed(self, schema: dict[str, object], keyword: str, where: Path, kind: type[_T], words: str) -> _T | None:
        value = schema.get(keyword)
        if value is None or isinstance(value, kind):
            return value
        raise self._error((*where, keyword), f"expected {words}, got {value!r:.80}")

    def _error(self, where: Path, problem: str) -> CatalogError:
        place = "/".join(where)
        return CatalogError(self._file, f"{self._key}: /{place}" if place else self._key, problem)


_BOUNDS: Final = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
