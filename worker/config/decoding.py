"""Tables of a configuration as structs, field by field, so that every mistake is found and not only the first.

msgspec checks each value; what is here walks to it, and knows wrangler's words for what is missing.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.worker.config.diagnostics import Diagnostics
    from paddock.worker.config.sections import Key

__all__ = ["decode", "decode_keys"]

_StructT = TypeVar("_StructT", bound=msgspec.Struct)


def decode_keys(keys: Mapping[str, Key], struct: type[_StructT], diagnostics: Diagnostics) -> _StructT:
    """A struct, all of whose fields have defaults, from the keys that it knows."""
    values = {}
    for field in msgspec.structs.fields(struct):
        if field.name in keys:
            key = keys[field.name]
            value = _decoded(key.value, field.type, key.path, diagnostics)
            if value is not None:
                values[field.name] = value
    return struct(**values)


def decode(value: object, struct: type[_StructT], path: str, diagnostics: Diagnostics) -> _StructT | None:
    """A table as a struct, or None where it is no table or a required field is missing or wrong.

    A wrong field that is not required keeps its default, so that the rest can be checked too. Unknown keys are errors
    where the struct forbids them, else warnings.
    """
    if not isinstance(value, dict):
        diagnostics.error(f'The field "{path}" should be an object but got {diagnostics.shown(value)}.', path)
        return None
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    unknown = [key for key in value if key not in fields]
    diagnostics.unexpected(path, unknown, fields, is_error=struct.__struct_config__.forbid_unknown_fields)
    values = {}
    for name, field in fields.items():
        if name in value:
            found = _decoded(value[name], field.type, f"{path}.{name}", diagnostics, entry=value)
            if found is not None:
                values[name] = found
        elif field.required:
            diagnostics.error(_text(field.type, f"{path}.{name}", None, value, diagnostics), path)
    is_whole = all(name in values for name, field in fields.items() if field.required)
    return struct(**values) if is_whole else None


def _decoded(
    value: object, expected: Any, path: str, diagnostics: Diagnostics, *, entry: Mapping[str, object] | None = None
) -> object:
    """A value as a type, or None and an error. `entry` is the table that it is in."""
    options = [option for option in _options(expected) if option is not type(None)]
    kind = _bare(options[0]) if len(options) == 1 else expected
    arguments = get_args(kind)
    text = _text(expected, path, value, entry, diagnostics) if entry is not None else ""
    if _is_struct(kind):
        if text and not isinstance(value, dict):
            diagnostics.error(text, path)
            return None
        return decode(value, kind, path, diagnostics)
    if get_origin(kind) is tuple and _is_struct(arguments[0]):
        return _entries(value, arguments[0], path, diagnostics)
    if get_origin(kind) is dict and _is_struct(arguments[1]):
        tables = {
            key: decode(table, arguments[1], f'{path}."{key}"', diagnostics)
            for key, table in diagnostics.table(value, path).items()
        }
        return {key: table for key, table in tables.items() if table is not None}
    if get_origin(kind) is dict and not isinstance(value, dict):
        return diagnostics.table(value, path)
    if isinstance(value, str) and _takes_one(kind):
        value = [value]
    return diagnostics.convert(value, expected, path, text=text)


def _entries(value: object, struct: type[_StructT], path: str, diagnostics: Diagnostics) -> tuple[_StructT, ...]:
    found = [decode(entry, struct, place, diagnostics) for place, entry in diagnostics.tables(value, path)]
    return tuple(entry for entry in found if entry is not None)


def _text(expected: Any, path: str, value: object, entry: Mapping[str, object], diagnostics: Diagnostics) -> str:
    """What wrangler says of a field of this type that is wrong or missing; nothing where it has no words of its own."""
    place, _, key = path.rpartition(".")
    for option in _options(expected):
        match inspect.type_info(option):
            case inspect.Metadata(extra={"text": str(wrong), **more}):
                text = wrong if key in entry else str(more.get("missing", wrong))
                shown = {"entry": diagnostics.shown(entry), "value": diagnostics.shown(value)}
                return text.format(path=place, parent=place.rpartition(".")[0], key=key, **shown)
    return ""


def _bare(kind: Any) -> Any:
    """A struct without what is said of it."""
    inner = get_args(kind)[0] if get_origin(kind) is Annotated else None
    return inner if _is_struct(inner) else kind


def _takes_one(expected: Any) -> bool:
    """Whether one text may stand for a list of one.

    The type `str | list[str]` would say the same, but msgspec 0.22 corrupts memory when it converts to it.
    """
    match inspect.type_info(expected):
        case inspect.Metadata(extra={"takes_one": True}):
            return True
    return False


def _options(expected: Any) -> tuple[Any, ...]:
    return get_args(expected) if get_origin(expected) in (Union, types.UnionType) else (expected,)


def _is_struct(expected: object) -> bool:
    return isinstance(expected, type) and issubclass(expected, msgspec.Struct)
