"""Collects what is wrong with a configuration, so that a person sees everything at once and fixes it once."""

from __future__ import annotations

import difflib
import functools
import json
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect

from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["Diagnostics", "closest"]

_T = TypeVar("_T")
_StructT = TypeVar("_StructT", bound=msgspec.Struct)


class Diagnostics:
    """Errors and warnings of one file, in the order in which they were found."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def error(self, text: str) -> None:
        self.errors.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def raise_errors(self) -> None:
        """Raise one ConfigError with every error so far, or return."""
        if self.errors:
            raise ConfigError(self.errors, source=self.source, warnings=self.warnings)

    def unexpected(self, place: str, keys: Iterable[str], known: Collection[str]) -> None:
        """Warn about keys that nobody knows, in wrangler's words, and name the nearest known one."""
        for key in keys:
            self.warn(f'Unexpected fields found in {place} field: "{key}"{closest(key, known)}')

    def mismatch(self, path: str, value: object, expected: str) -> None:
        """Note that `value` is not what `path` should hold."""
        self.error(f'Expected "{path}" to be of type {expected} but got {_shown(value)}.')

    def convert(self, value: object, expected: type[_T], path: str) -> _T | None:
        """`value` as the type `expected`, or None and one error."""
        try:
            return msgspec.convert(value, expected)
        except msgspec.ValidationError:
            options = _without_none(inspect.type_info(expected))
            if len(options) == 1 and isinstance(options[0], inspect.LiteralType):
                choices = _shown(list(options[0].values))
                self.error(f'Expected "{path}" field to be one of {choices} but got {_shown(value)}.')
            else:
                self.mismatch(path, value, " or ".join(map(_described, options)))
            return None

    def table(self, value: object, path: str) -> Mapping[str, object]:
        """`value` if it is a table; otherwise an empty one and an error in wrangler's words."""
        if isinstance(value, dict):
            return value
        self.error(f'The field "{path}" should be an object but got {_shown(value)}.')
        return {}

    def tables(self, value: object, path: str) -> list[tuple[str, Mapping[str, object]]]:
        """The tables of an array, each with its path; an error in wrangler's words for whatever is none."""
        if not isinstance(value, list):
            self.error(f'The field "{path}" should be an array but got {_shown(value)}.')
            return []
        for entry in value:
            if not isinstance(entry, dict):
                self.error(f'"{path}" bindings should be objects, but got {_shown(entry)}')
        return [(f"{path}[{index}]", entry) for index, entry in enumerate(value) if isinstance(entry, dict)]

    def text(self, table: Mapping[str, object], name: str, path: str, *, is_optional: bool = False) -> str | None:
        """The text of a binding's field; None, and an error where there should be one. An empty text is none."""
        value = table.get(name)
        if isinstance(value, str) and value:
            return value
        if name in table or not is_optional:
            should = "should, optionally, have" if is_optional else "should have"
            self.error(f'"{path}" bindings {should} a string "{name}" field but got {_shown(table)}.')
        return None

    def strict(self, value: object, struct: type[_StructT], path: str) -> _StructT:
        """`value` as a struct, with an error for each unknown key and each wrong value.

        What is wrong keeps its default, so that the rest of the file can be checked too.
        """
        table = self.table(value, path)
        types = _field_types(struct)
        for key in table.keys() - types.keys():
            self.error(f'Unexpected fields found in {path} field: "{key}"{closest(key, types)}')
        return self.fields({key: table[key] for key in types if key in table}, struct, path)

    def fields(self, table: Mapping[str, object], struct: type[_StructT], path: str) -> _StructT:
        """A struct from the keys that it knows, with an error for each wrong value. Nested structs are strict."""
        values: dict[str, object] = {}
        for key, expected in _field_types(struct).items():
            if key not in table:
                continue
            place = f"{path}.{key}"
            value = self._field(table[key], expected, place)
            if value is not None:
                values[key] = value
        return struct(**values)

    def _field(self, value: object, expected: Any, path: str) -> object:
        if _is_struct(expected):
            return self.strict(value, expected, path)
        if get_origin(expected) is dict and _is_struct(get_args(expected)[1]):
            struct = get_args(expected)[1]
            return {
                key: self.strict(entry, struct, f'{path}."{key}"') for key, entry in self.table(value, path).items()
            }
        return self.convert(value, expected, path)


def closest(name: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)` when a known name is near, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def _is_struct(expected: object) -> bool:
    return isinstance(expected, type) and issubclass(expected, msgspec.Struct)


@functools.cache
def _field_types(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        field: hint
        for field, hint in get_type_hints(struct, include_extras=True).items()
        if field in struct.__struct_fields__
    }


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
        case inspect.DateType():
            return "date (yyyy-mm-dd)"
        case inspect.ListType() | inspect.VarTupleType() | inspect.FrozenSetType():
            return f"{_described(expected.item_type)} array"
        case inspect.DictType():
            return f"object ({_described(expected.value_type)} for each key)"
        case inspect.LiteralType():
            return " or ".join(_shown(value) for value in expected.values)
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


def _shown(value: object) -> str:
    """A value as JSON, the form in which wrangler's messages quote it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
