"""The compiled form of a model's JSON Schema: nodes that count matches the way production counts them.

A visit returns how often the value matched (0: absent, or a nested choice that nobody met) or raises Refusal. That
pair is the difference from standard JSON Schema, where every keyword is a plain yes or no:

- an object matches when one of its properties does; `required` asks for properties that matched, not for present ones;
- the properties of an absent object are visited too, so its own `required` can refuse inputs that leave it out;
- `oneOf` and `anyOf` stand alone: beside them only `type` and `not` count. They refuse at the root and say 0 below it;
- an array of numbers and text ("binary") is never looked into; what is no array, object or text counts as left out.

Source: the rules of Cloudflare's open validator, cabidela 0.2.4, which the messages of Workers AI come from. Some of its
slips are not repeated: null does not make an array binary, `minProperties` counts the object at hand, the parts of
`allOf` are checked one by one, `{}` in a choice takes any value, messages have whole pointers, and a default is set only
in an object that was given.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from paddock.bindings.ai.javascript import js_text

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "ABSENT",
    "AllOf",
    "Anything",
    "ArrayShape",
    "Bounds",
    "Choice",
    "Node",
    "Not",
    "ObjectShape",
    "Path",
    "Recursion",
    "Refusal",
    "ScalarShape",
    "Scope",
]

Path = tuple[str, ...]

#: How deep a schema that contains itself follows the inputs.
_MAX_RECURSION: Final = 100


class _Absent(Enum):
    ABSENT = "absent"


#: Stands for a value that the inputs do not have; None is JSON's null.
ABSENT: Final = _Absent.ABSENT


class Refusal(Exception):
    """The value does not fit. The text is production's, without what other branches reported."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Scope:
    """What one check collects, and where in the schema it is."""

    #: Refusals of branches in the order they came, each once: the tail of the message.
    errors: dict[str, None] = field(default_factory=dict)
    #: Paths that sibling keywords matched; they satisfy `required` and `unevaluatedProperties`.
    evaluated: set[Path] = field(default_factory=set)
    defaults: list[tuple[Path, object]] = field(default_factory=list)
    #: Inside `oneOf` or `anyOf`: a refusal is caught there, and a default does not satisfy `required`.
    is_branch: bool = False
    #: Inside `allOf`: what matches here counts for the schema around it.
    carries: bool = False

    def branch(self) -> Scope:
        return Scope(self.errors, self.evaluated, is_branch=True)

    def part(self) -> Scope:
        return Scope(self.errors, self.evaluated, self.defaults, self.is_branch, carries=True)

    def refusal(self, message: str) -> Refusal:
        if self.is_branch or not self.errors:
            return Refusal(message)
        return Refusal(f"{message}: {', '.join(self.errors)}")


class Node(Protocol):
    """One compiled schema."""

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        """Count the matches of `value`. Raises: Refusal."""
        ...


def pointer(path: Path) -> str:
    """The path as production prints it: keys are not escaped, and the root is `/`."""
    return "".join(f"/{part}" for part in path) or "/"


def type_names(value: object) -> tuple[str, ...]:
    """The names that a value answers to, in the order of the messages."""
    if isinstance(value, bool):
        return ("boolean",)
    if isinstance(value, int):
        return ("number", "integer")
    if isinstance(value, float):
        return ("number", "integer") if value.is_integer() else ("number",)
    if isinstance(value, list):
        return ("array", "binary") if _is_binary(value) else ("array",)
    if value is None:
        return ("null",)
    return ("string",) if isinstance(value, str) else ("object",)


def utf16_length(text: str) -> int:
    """Length as JavaScript counts it: a character outside the basic plane is two units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_binary(items: Sequence[object]) -> bool:
    return all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in items)


def _member(value: object, key: str) -> object:
    return value.get(key, ABSENT) if isinstance(value, dict) else ABSENT


class Anything:
    """`{}`, `true`, or a schema that is no object: every value that is there matches."""

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        if value is ABSENT:
            return 0
        if scope.carries:
            scope.evaluated.add(path)
        return 1


@dataclass(slots=True)
class Recursion:
    """A `$ref` to a schema that is being compiled; `target` is filled in when it is ready."""

    target: Node | None = None

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        # Absent objects are visited, so following the reference for one would never end.
        if value is ABSENT or self.target is None:
            return 0
        if len(path) > _MAX_RECURSION:
            raise scope.refusal(f"'{pointer(path[:3])}' is nested deeper than {_MAX_RECURSION} levels")
        return self.target.visit(value, path, scope)


@dataclass(frozen=True, slots=True)
class Not:
    """`not`, then the rest of the schema."""

    unwanted: Node
    rest: Node

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        trial = Scope(scope.errors, scope.evaluated, is_branch=scope.is_branch)
        try:
            self.unwanted.visit(value, path, trial)
        except Refusal:
            return self.rest.visit(value, path, scope)
        raise scope.refusal(f"not at '{pointer(path)}' not met")


@dataclass(frozen=True, slots=True)
class Choice:
    """`oneOf` (`is_exclusive`) or `anyOf`."""

    options: tuple[Node, ...]
    is_exclusive: bool

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        matches = 0
        defaults: list[tuple[Path, object]] = []
        for option in self.options:
            branch = scope.branch()
            try:
                found = option.visit(value, path, branch)
            except Refusal as refusal:
                scope.errors[refusal.message] = None
                continue
            matches += found
            defaults += branch.defaults
            # Production stops at an exclusive option that neither matched nor refused: later ones are not tried.
            if matches != (1 if self.is_exclusive else 0):
                break
        is_met = matches == 1 if self.is_exclusive else matches > 0
        if not is_met and not path:
            name, count = ("oneOf", f", {matches} matches") if self.is_exclusive else ("anyOf", "")
            raise scope.refusal(f"{name} at '/' not met{count}")
        if is_met or value is ABSENT or not self.is_exclusive:
            # Where all options left the value out, what they say about its default holds, and satisfies `required`.
            scope.defaults.extend(defaults)
            scope.evaluated.update(place for place, _ in defaults if place == path)
        return 1 if is_met else 0


@dataclass(frozen=True, slots=True)
class AllOf:
    """`allOf`, then the rest of the schema, which sees what the parts matched."""

    parts: tuple[Node, ...]
    rest: Node

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        inner = scope.part()
        try:
            matches = sum(part.visit(value, path, inner) for part in self.parts)
        except Refusal as refusal:
            if not path:
                raise
            scope.errors[refusal.message] = None
            return 0
        return max(min(matches, 1), self.rest.visit(value, path, scope))


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """`type: array`. Text and arrays of plain values go to `flat`, which checks the type and little else."""

    items: Node | None
    flat: Node

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        if isinstance(value, str) or (isinstance(value, list) and _is_binary(value)):
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
    #: `additionalProperties` and `unevaluatedProperties`: None when not given, False when they forbid.
    additional: Node | bool | None = None
    unevaluated: Node | bool | None = None
    min_properties: float | None = None
    max_properties: float | None = None

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        self._check_size(value, path, scope)
        matched = {
            (*path, name) for name, node in self.properties.items() if self._matches(node, value, name, path, scope)
        }
        count = len(matched)
        count += self._visit_others(self.additional, value, path, scope, matched)
        count += self._visit_others(self.unevaluated, value, path, scope, matched | scope.evaluated)
        if scope.carries:
            scope.evaluated.update(matched)
        if any((*path, name) not in matched and (*path, name) not in scope.evaluated for name in self.required):
            raise scope.refusal(f"required properties at '{pointer(path)}' are '{','.join(self.required)}'")
        return 1 if count else 0

    def _matches(self, node: Node, value: object, name: str, path: Path, scope: Scope) -> bool:
        return node.visit(_member(value, name), (*path, name), scope) > 0

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


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of text (UTF-16 units) and numbers. They count only beside the `type` that they belong to."""

    min_length: float | None = None
    max_length: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    multiple_of: float | None = None

    def length_problem(self, text: str, place: str) -> str | None:
        size = utf16_length(text)
        if self.max_length is not None and size > self.max_length:
            return f"Length of '{place}' must be <= {js_text(self.max_length)}"
        if self.min_length is not None and size < self.min_length:
            return f"Length of '{place}' must be >= {js_text(self.min_length)} not met"
        return None

    def number_problem(self, number: float, place: str) -> str | None:
        for bound, words, is_met in (
            (self.minimum, ">=", operator.ge),
            (self.exclusive_minimum, ">", operator.gt),
            (self.maximum, "<=", operator.le),
            (self.exclusive_maximum, "<", operator.lt),
            (self.multiple_of, "multiple of", _is_multiple),
        ):
            if bound is not None and not is_met(number, bound):
                return f"'{place}' must be {words} {js_text(bound)}"
        return None


def _is_multiple(number: float, step: float) -> bool:
    return step != 0 and math.isfinite(number) and math.fmod(number, step) == 0


@dataclass(frozen=True, slots=True)
class ScalarShape:
    """Everything else: `const`, `enum`, `type`, bounds and `pattern`, in this order."""

    type: object = None
    const: object = ABSENT
    enum: object = ABSENT
    bounds: Bounds = Bounds()
    pattern: str | None = None
    #: None when JavaScript's pattern cannot be compiled here or there: nothing passes it.
    regex: re.Pattern[str] | None = None
    default: object = ABSENT

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        if value is ABSENT:
            self._note_default(path, scope)
            return 0
        problem = self._problem(value, pointer(path))
        if problem is not None:
            raise scope.refusal(problem)
        if scope.carries:
            scope.evaluated.add(path)
        return 1

    def _note_default(self, path: Path, scope: Scope) -> None:
        if self.default is ABSENT:
            return
        scope.defaults.append((path, self.default))
        if not scope.is_branch:
            scope.evaluated.add(path)

    def _problem(self, value: object, place: str) -> str | None:
        if self.const is not ABSENT:
            if not _is_same(value, self.const):
                return f"const {js_text(value)} doesn't match {js_text(self.const)} at '{place}'"
            if self.type is None:
                return None
        if self.enum is not ABSENT:
            if not isinstance(self.enum, list):
                return f"enum should be an array at '{place}'"
            if not any(_is_same(value, allowed) for allowed in self.enum):
                return f"enum {js_text(value)} not in {js_text(self.enum)} at '{place}'"
            if self.type is None:
                return None
        return self._type_problem(value, place) or self._pattern_problem(value, place)

    def _type_problem(self, value: object, place: str) -> str | None:
        if self.type is None:
            return None
        names = type_names(value)
        if self.type not in names:
            got = ",".join(f"'{name}'" for name in names)
            return f"Type mismatch of '{place}', '{js_text(self.type)}' not in {got}"
        if isinstance(value, str):
            return self.bounds.length_problem(value, place)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.bounds.number_problem(value, place)
        return None

    def _pattern_problem(self, value: object, place: str) -> str | None:
        if self.pattern is None or (self.regex is not None and self.regex.search(js_text(value))):
            return None
        return f"'{place}' failed test {self.pattern} patttern"


def _is_same(value: object, other: object) -> bool:
    """JavaScript's `===`: `true` is not 1, and no object or array equals another one."""
    if isinstance(value, dict | list) or isinstance(value, bool) != isinstance(other, bool):
        return False
    return value == other
