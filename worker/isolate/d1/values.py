"""What handlers give to D1 and what they get from it. Source: workerd, internal/d1-api."""

from __future__ import annotations

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.bigint import JsBigInt
from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject, is_nullish, jsnull, read
from paddock.worker.isolate.web.text import MAX_SAFE_INTEGER, js_string

__all__ = ["bound", "failed", "objects", "raw_rows"]


def bound(value: object) -> object:
    """A value as it is sent: bytes are an array of numbers. Raises an Error for what no column can hold."""
    kind = _typeof(value)
    if kind in ("number", "string") or value is jsnull:
        return value
    if kind == "boolean":
        return 1 if value else 0
    if isinstance(value, JsArray) and all(isinstance(item, int | float) and 0 <= item < 256 for item in value):
        return value
    if isinstance(value, JsBuffer):
        return JsArray(value.to_bytes())
    raise failed("D1_TYPE_ERROR", f"Type '{kind}' not supported for value '{js_string(value)}'")


def failed(kind: str, reason: object, more: str = "") -> JsException:
    """An Error of D1, whose cause is what the database said."""
    error = JsException("Error", f"{kind}: {js_string(reason)}{more}")
    error.cause = JsException("Error", js_string(reason))  # type: ignore[attr-defined]  # as in JavaScript
    return error


def objects(result: object) -> JsObject:
    """A result whose rows are objects, made of columns and rows."""
    found = read(result, "results")
    columns, rows = read(found, "columns"), read(found, "rows")
    assert isinstance(columns, JsArray), "the binding answers with columns"
    assert isinstance(rows, JsArray), "the binding answers with rows"
    names = [js_string(name) for name in columns]
    made = JsArray(JsObject(dict(zip(names, _cells(row), strict=True))) for row in _cells(rows))
    return JsObject({"success": True, "meta": read(result, "meta"), "results": made})


def raw_rows(result: object, *, with_names: bool) -> JsArray:
    """The rows as arrays."""
    found = read(result, "results")
    columns, rows = read(found, "columns"), read(found, "rows")
    assert isinstance(rows, JsArray), "the binding answers with rows"
    return JsArray([*([columns] if with_names else []), *_cells(rows)])


def _cells(row: object) -> list[object]:
    """The values of an array as they are, null included."""
    assert isinstance(row, JsArray), "the binding answers with arrays"
    return list(row._items)


def _typeof(value: object) -> str:
    match value:
        case None:
            return "undefined"
        case bool():
            return "boolean"
        case int() if abs(value) > MAX_SAFE_INTEGER or isinstance(value, JsBigInt):
            return "bigint"
        case int() | float():
            return "number"
        case str():
            return "string"
    return "function" if callable(value) and not is_nullish(value) else "object"
