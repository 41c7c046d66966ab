"""Collects what is wrong with a configuration, so that a person sees everything at once and fixes it once."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import inspect

from paddock.worker.errors import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["Diagnostics", "closest", "described"]

_T = TypeVar("_T")


class Diagnostics:
    """Errors and warnings of one file, in the order in which they were found.

    `locate` finds the line of a path in it, such as `env.staging.vars`.
    """

    def __init__(self, source: str, locate: Callable[[str], int | None] = lambda path: None) -> None:
        self.source = source
        self.errors: list[Finding] = []
        self.warnings: list[Finding] = []
        self._locate = locate

    def error(self, text: str, path: str = "") -> None:
        self.errors.append(Finding(text, self._line(path)))

    def warn(self, text: str, path: str = "") -> None:
        self.warnings.append(Finding(text, self._line(path)))

    def raise_errors(self) -> None:
        """Raise one ConfigError with every error so far, or return."""
        if self.errors:
            raise ConfigError(self.errors, source=self.source, warnings=self.warnings)

    def unexpected(self, place: str, keys: Iterable[str], known: Collection[str], *, is_error: bool = False) -> None:
        """Name the keys that nobody knows, in wrangler's words, and the nearest known one to each."""
        note = self.error if is_error else self.warn
        for key in keys:
            path = key if place == "top-level" else f"{place}.{key}"
            note(f'Unexpected fields found in {place} field: "{key}"{closest(key, known)}', path)

    def mismatch(self, path: str, value: object, expected: str) -> None:
        """Note that `value` is not what `path` should hold."""
        self.error(f'Expected "{path}" to be of type {expected} but got {self.shown(value)}.', path)

    def convert(self, value: object, expected: type[_T], path: str, *, text: str = "") -> _T | None:
        """`value` as the type `expected`, or None and one error: `text`, or what was expected."""
        try:
            return msgspec.convert(value, expected)
        except msgspec.ValidationError:
            options = _without_none(inspect.type_info(expected))
            if text:
                self.error(text, path)
            elif len(options) == 1 and isinstance(options[0], inspect.LiteralType):
                choices = self.shown(list(options[0].values))
                self.error(f'Expected "{path}" field to be one of {choices} but got {self.shown(value)}.', path)
            else:
                self.mismatch(path, value, described(expected))
            return None

    def table(self, value: object, path: str) -> Mapping[str, object]:
        """`value` if it is a table; otherwise an empty one and an error in wrangler's words."""
        if isinstance(value, dict):
            return value
        self.error(f'The field "{path}" should be an object but got {self.shown(value)}.', path)
        return {}

    def tables(self, value: object, path: str) -> list[tuple[str, Mapping[str, object]]]:
        """The tables of an array, each with its path; an error in wrangler's words for whatever is none."""
        if not isinstance(value, list):
            self.error(f'The field "{path}" should be an array but got {self.shown(value)}.', path)
            return []
        for index, entry in enumerate(value):
            if not isinstance(entry, dict):
                self.error(f'"{path}" bindings should be objects, but got {self.shown(entry)}', f"{path}[{index}]")
        return [(f"{path}[{index}]", entry) for index, entry in enumerate(value) if isinstance(entry, dict)]

    @staticmethod
    def shown(value: object) -> str:
        """A value as JSON, the form in which wrangler's messages quote it."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)

    def _line(self, path: str) -> int | None:
        return self._locate(path) if path else None


def closest(name: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)` when a known name is near, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def described(expected: object) -> str:
    """A type in the words of wrangler's messages: `string`, `number (at least 1) or boolean`."""
    return " or ".join(map(_described, _without_none(inspect.type_info(expected))))


def _without_none(expected: inspect.Type) -> list[inspect.Type]:
    types = expected.types if isinstance(expected, inspect.UnionType) else (expected,)
    return [option for option in types if not isinstance(option, inspect.NoneType)]


def _described(expected: inspect.Type) -> str:
    """A type in the words of wrangler's messages, with the limits that msgspec checks."""
    match expected:
        case inspect.Metadata(extra_json_schema={"description": str(text)}):
            return text
        case inspect.Metadata(type=inner):
            return _described(inner)
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType() | inspect.FloatType():
            return f"number{_limits(expected)}"
        case inspect.AnyType():
            return "anything"
        case inspect.DateType():
            return "date (yyyy-mm-dd)"
        case inspect.ListType() | inspect.VarTupleType() | inspect.FrozenSetType():
            return f"{_described(expected.item_type)} array"
        case inspect.DictType():
            return f"object ({_described(expected.value_type)} for each key)"
        case inspect.LiteralType():
            return " or ".join(Diagnostics.shown(value) for value in expected.values)
        case inspect.StrType(pattern=pattern):
            return f"string that matches {pattern}" if pattern else "string"
        case _:
            return type(expected).__name__.removesuffix("Type").lower()


def _limits(number: inspect.IntType | inspect.FloatType) -> str:
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    limits = [
        f"{words} {getattr(number, name):g}" for name, words in signs.items() if getattr(number, name) is not None
    ]
    return f" ({', '.join(limits)})" if limits else ""
