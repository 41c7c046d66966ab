"""What the nodes of a compiled schema share: paths, the absent value, refusals, and what one check collects."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ABSENT", "Node", "Path", "Refusal", "Scope", "is_binary", "pointer", "type_names"]

Path = tuple[str, ...]


class _Absent(Enum):
    ABSENT = "absent"


#: Stands for a value that the inputs do not have; None is JSON's null.
ABSENT: Final = _Absent.ABSENT


class Refusal(Exception):
    """The value does not fit; the text is production's."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(slots=True)  # not frozen: one is made for every choice in a schema, and a frozen one takes twice as long
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

    @property
    def is_silent(self) -> bool:
        """True when a visit of an absent value counts 0 and does nothing else: no refusal, no error, no default."""
        ...

    def visit(self, value: object, path: Path, scope: Scope) -> int:
        """Count the matches of `value`. Raises: Refusal."""
        ...


_PLAIN: Final = frozenset({str, int, float})


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
        return ("array", "binary") if is_binary(value) else ("array",)
    if value is None:
        return ("null",)
    return ("string",) if isinstance(value, str) else ("object",)


def is_binary(items: Sequence[object]) -> bool:
    """True when production takes the array for bytes or text: it holds nothing but numbers and text."""
    return _PLAIN.issuperset(map(type, items))  # no Python loop: sound comes as a million numbers
