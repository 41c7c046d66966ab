"""The nodes of a compiled schema that hold others: arrays and objects. How nodes count: see schema_nodes.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paddock.bindings.ai.javascript import js_text
from paddock.bindings.ai.schema_scope import ABSENT, Node, Path, Scope, is_binary, pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ArrayShape", "ObjectShape"]


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """`type: array`. Text and arrays of plain values go to `flat`, which checks the type and little else."""

    items: Node | None
    flat: Node

    @property
    def is_silent(self) -> bool:
        return True

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        if isinstance(value, str) or (isinstance(value, list) and is_binary(value)):
            return self.flat.visit(value, path, scope)
        return sum(self._item(item, (*path, key), scope) for key, item in _entries(value))

    def _item(self, item: object, path: Path, scope: Scope) -> int:
        if self.items is None:
            raise scope.refusal(f"No schema for path '{pointer(path)}'")
        return self.items.visit(item, path, scope)


def _entries(value: object) -> Iterable[tuple[str, object]]:
    if isinstance(value, list):
        return ((str(index), item) for index, item in enumerate(value))
    # Production walks an object by its keys, as a loop over its indexes would.
    return value.items() if isinstance(value, dict) else ()


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """`type: object`, or any schema with `properties`."""

    properties: Mapping[str, Node]
    required: tuple[str, ...]
    #: Properties that have something to say when they are left out. The others, most of them, are then not visited.
    loud: frozenset[str] = frozenset()
    #: `additionalProperties` and `unevaluatedProperties`: None when not given, False when they forbid.
    additional: Node | bool | None = None
    unevaluated: Node | bool | None = None
    min_properties: float | None = None
    max_properties: float | None = None

    @property
    def is_silent(self) -> bool:
        return not self.required and not self.loud

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        self._check_size(value, path, scope)
        given: Mapping[str, object] = value if isinstance(value, dict) else {}
        matched = set()
        for name, node in self.properties.items():
            if name in given or name in self.loud:
                inner = (*path, name)
                if node.visit(given.get(name, ABSENT), inner, scope):
                    matched.add(inner)
        count = len(matched)
        count += self._visit_others(self.additional, value, path, scope, matched)
        count += self._visit_others(self.unevaluated, value, path, scope, matched | scope.evaluated)
        if scope.carries:
            scope.evaluated.update(matched)
        if any((*path, name) not in matched and (*path, name) not in scope.evaluated for name in self.required):
            raise scope.refusal(f"required properties at '{pointer(path)}' are '{','.join(self.required)}'")
        return 1 if count else 0

    def _visit_others(self, rule: Node | bool | None, value: object, path: Path, scope: Scope, known: set[Path]) -> int:
        if rule is None or not isinstance(value, dict):
            return 0
        others = [name for name in value if (*path, name) not in known]
        if isinstance(rule, bool):
            if others:
                names = ", ".join(pointer((*path, name)) for name in others)
                raise scope.refusal(f"Additional or unevaluated properties '{names}' at '{pointer(path)}' not allowed")
            return 0
        # These matches count for the object, but they satisfy neither `required` nor `unevaluatedProperties`.
        return sum(1 for name in others if rule.visit(value[name], (*path, name), scope) > 0)

    def _check_size(self, value: object, path: Path, scope: Scope) -> None:
        if not isinstance(value, dict):
            return
        low, high = self.min_properties, self.max_properties
        if low is not None and len(value) < low:
            raise scope.refusal(f"minProperties at '{pointer(path)}' is {js_text(low)}, got {len(value)}")
        if high is not None and len(value) > high:
            # Production prints the other bound here, and `undefined` without one.
            shown = "undefined" if low is None else js_text(low)
            raise scope.refusal(f"maxProperties at '{pointer(path)}' is {shown}, got {len(value)}")
