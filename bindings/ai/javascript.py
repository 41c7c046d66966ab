"""JavaScript's view of plain values, for texts and patterns that must read as production's do."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["js_regex", "js_text"]


def js_text(value: object) -> str:
    """What a JavaScript template string prints for a value out of JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, list):
        return ",".join("" if item is None else js_text(item) for item in _leaves(value))
    return "null" if value is None else "[object Object]"


def js_regex(pattern: str) -> re.Pattern[str] | None:
    """The pattern as JavaScript reads it, or None when it cannot be compiled.

    `\\d`, `\\w` and `\\b` are ASCII there, and `$` without flags means the very end, not also before a last line break.
    """
    try:
        return re.compile(_PIECE.sub(_translate, pattern), re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return None


# An escaped character, a class, the start of a named group, or a lone `$`.
_PIECE = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\(\?<(?![=!])|\$", re.DOTALL)


def _translate(piece: re.Match[str]) -> str:
    return {"$": r"\Z", "(?<": "(?P<"}.get(piece[0], piece[0])


def _leaves(items: list[object]) -> Iterator[object]:
    """The items, those of lists inside in their place. Without recursion: callers nest lists as deep as they like."""
    waiting = items[::-1]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list) and item:
            waiting.extend(item[::-1])
        else:
            yield item


def _number_text(value: float) -> str:
    if isinstance(value, int) and abs(value) < 10**21:
        return str(value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
    if number == int(number) and abs(number) < 1e21:
        return str(int(number))
    text = repr(number)
    if 1e-6 <= abs(number) < 1e21:
        return text if "e" not in text else _without_exponent(number)
    mantissa, exponent = text.split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"


def _without_exponent(number: float) -> str:
    mantissa, exponent = repr(number).split("e")
    digits = mantissa.replace(".", "").lstrip("-")
    return ("-" if number < 0 else "") + "0." + "0" * (-int(exponent) - 1) + digits
