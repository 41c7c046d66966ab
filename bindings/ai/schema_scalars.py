"""The leaves of a compiled schema: single values against `const`, `enum`, `type`, bounds and `pattern`."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paddock.bindings.ai.javascript import js_text
from paddock.bindings.ai.schema_scope import ABSENT, Path, Scope, pointer, type_names

if TYPE_CHECKING:
    import re

__all__ = ["Bounds", "ScalarShape"]


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
        size = _utf16_length(text)
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

    @property
    def is_silent(self) -> bool:
        return self.default is ABSENT

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


def _utf16_length(text: str) -> int:
    """Length as JavaScript counts it: a character outside the basic plane is two units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
