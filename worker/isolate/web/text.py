"""Values as text, by JavaScript's rules."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from paddock.worker.isolate.web.objects import JsProxy, jsnull

__all__ = ["MAX_SAFE_INTEGER", "NUMBER_LITERAL", "js_string", "number", "number_text", "to_number", "utf8"]

MAX_SAFE_INTEGER: Final = 2**53 - 1
NUMBER_LITERAL: Final = re.compile(r"[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")


def js_string(value: object) -> str:
    """`String(value)`: None is "undefined", True is "true", a number has no needless ".0" (PW-073)."""
    match value:
        case str():
            return str(value)
        case None:
            return "undefined"
        case bool():
            return "true" if value else "false"
        case float():
            return number_text(value)
    return "null" if value is jsnull else str(value)


def utf8(text: str) -> bytes:
    """The text in UTF-8, with U+FFFD for each surrogate that stands alone. Source: Web IDL, USVString."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def number_text(value: float) -> str:
    """A number as JavaScript prints it. Source: ECMAScript, Number::toString."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == 0:
        return "0"
    sign, digit_tuple, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, digit_tuple))
    point = len(digits) + int(exponent)
    if 0 < point <= 21:
        text = digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
        text = f"{mantissa}e{point - 1:+d}"
    return f"-{text}" if sign else text


def number(value: float) -> int | float:
    """A JavaScript number in Python: an int where it is whole and exact, else a float."""
    if value == value and abs(value) <= MAX_SAFE_INTEGER and value == int(value):
        return int(value)
    return value


def to_number(value: object) -> float:
    """The number that a value counts as in JavaScript; NaN where it counts as none."""
    match value:
        case None:
            return math.nan
        case bool() | int() | float():
            try:
                return float(value)
            except OverflowError:
                return math.inf if value > 0 else -math.inf
    if value is jsnull:
        return 0.0
    if isinstance(value, JsProxy) and isinstance(primitive := value.valueOf(), int | float):
        return float(primitive)
    text = js_string(value).strip()
    if not text:
        return 0.0
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+", text):
        return float(int(text, 0))
    return float(text.replace("Infinity", "inf")) if NUMBER_LITERAL.fullmatch(text) else math.nan
