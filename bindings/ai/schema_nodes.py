"""The compiled form of a model's JSON Schema: nodes that count matches the way production counts them.

A visit returns how often the value matched (0: absent, or a nested choice that nobody met) or raises Refusal. That
pair is the difference from standard JSON Schema, where every keyword is a plain yes or no:

- an object matches when one of its properties does; `required` asks for properties that matched, not for present ones;
- the properties of an absent object are visited too, so its own `required` can refuse inputs that leave it out;
- `oneOf` and `anyOf` stand alone: beside them only `type` and `not` count. They refuse at the root and say 0 below it;
- an array of numbers and text ("binary") is never looked into; what is no array, object or text counts as left out.

Source: the rules of Cloudflare's open validator, cabidela 0.2.4, where the messages of Workers AI come from. Some slips
of it are not repeated: null does not make an array binary, `minProperties` counts the object at hand, the parts of
`allOf` are checked one by one, `{}` in a choice takes any value, messages have whole pointers, and a branch that
refused leaves no defaults behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from paddock.bindings.ai.schema_scope import ABSENT, Node, Path, Refusal, Scope, pointer

__all__ = ["AllOf", "Anything", "Choice", "Not", "Recursion"]

#: How deep a schema that contains itself follows the inputs.
_MAX_RECURSION: Final = 100


class Anything:
    """`{}`, `true`, or a schema that is no object: every value that is there matches."""

    is_silent = True

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

    @property
    def is_silent(self) -> bool:
        return True

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

    @property
    def is_silent(self) -> bool:
        return False

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

    @property
    def is_silent(self) -> bool:
        return all(option.is_silent for option in self.options)

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        matches = 0
        matched: list[tuple[Path, object]] = []
        unmatched: list[tuple[Path, object]] = []
        branch = scope.branch()
        # Production loses the defaults of a later option of a nested `anyOf`: parts of a message gain nothing.
        keeps_all = self.is_exclusive or not path
        for option in self.options:
            branch.defaults.clear()
            try:
                found = option.visit(value, path, branch)
            except Refusal as refusal:
                scope.errors[refusal.message] = None
                continue
            matches += found
            if not found:
                unmatched += branch.defaults
            elif keeps_all or option is self.options[0]:
                matched += branch.defaults
            # Production stops at an exclusive option that neither matched nor refused: later ones are not tried.
            if matches != (1 if self.is_exclusive else 0):
                break
        is_met = matches == 1 if self.is_exclusive else matches > 0
        if not is_met and not path:
            name, count = ("oneOf", f", {matches} matches") if self.is_exclusive else ("anyOf", "")
            raise scope.refusal(f"{name} at '/' not met{count}")
        if is_met or value is ABSENT or not self.is_exclusive:
            # Where all options left the value out, what they say about its default holds, and satisfies `required`.
            defaults = matched if is_met else unmatched
            scope.defaults.extend(defaults)
            scope.evaluated.update(place for place, _ in defaults if place == path)
        return 1 if is_met else 0


@dataclass(frozen=True, slots=True)
class AllOf:
    """`allOf`, then the rest of the schema, which sees what the parts matched."""

    parts: tuple[Node, ...]
    rest: Node

    @property
    def is_silent(self) -> bool:
        return self.rest.is_silent and all(part.is_silent for part in self.parts)

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
