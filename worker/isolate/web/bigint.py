"""`BigInt`: an integer of JavaScript that may be larger than its numbers can be exact.

Source: Pyodide, "Type conversions": a BigInt is an instance of a subclass of int.
"""

from __future__ import annotations

from typing import Final

from paddock.worker.isolate.web.classes import JsFunction
from paddock.worker.isolate.web.errors import JsException, range_error, type_error
from paddock.worker.isolate.web.objects import is_nullish
from paddock.worker.isolate.web.text import js_string

__all__ = ["BIGINT", "JsBigInt"]


class JsBigInt(int):
    """An int that JavaScript has as a BigInt, however small it is. Arithmetic gives plain ints, as in Pyodide."""


def _bigint(value: object = None) -> JsBigInt:
    """A BigInt of an integer or of a text with one."""
    if is_nullish(value):
        raise type_error(f"Cannot convert {js_string(value)} to a BigInt")
    if isinstance(value, bool | int):
        return JsBigInt(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")) or value != int(value):
            raise range_error(f"The number {js_string(value)} cannot be converted to a BigInt because it is not an "
                              "integer")  # fmt: skip
        return JsBigInt(int(value))
    text = js_string(value).strip()
    try:
        return JsBigInt(int(text, 0) if text[:1] == "0" and text[1:2] in "xXoObB" and len(text) > 2 else int(text or 0))
    except ValueError as error:
        raise JsException("SyntaxError", f"Cannot convert {text} to a BigInt") from error


#: The name that handlers import.
BIGINT: Final = JsFunction(_bigint, "BigInt")
