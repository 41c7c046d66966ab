"""`Number`, `Math`, `Boolean`, `parseInt` and their relatives.

Source: ECMAScript, "Number objects", "The Math object". A number comes back as an int where it is whole and exact.
"""

from __future__ import annotations

import math
import random
import sys
from typing import Final

from paddock.worker.isolate.web.boxed import Boxed, box
from paddock.worker.isolate.web.classes import JsFunction
from paddock.worker.isolate.web.objects import JsProxy, is_nullish
from paddock.worker.isolate.web.scope import require_request
from paddock.worker.isolate.web.text import MAX_SAFE_INTEGER, NUMBER_LITERAL, js_string, number, to_number

__all__ = ["BOOLEAN", "IS_FINITE", "IS_NAN", "MATH", "NUMBER", "PARSE_FLOAT", "PARSE_INT"]

_NAN: Final = math.nan
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def _is_finite(value: object = None) -> bool:
    """Whether a value counts as a finite number."""
    return math.isfinite(to_number(value))


def _is_nan(value: object = None) -> bool:
    """Whether a value counts as no number."""
    return math.isnan(to_number(value))


def _parse_float(text: object = None) -> int | float:
    """The number that a text begins with; NaN where it begins with none."""
    match = NUMBER_LITERAL.match(js_string(text).lstrip())
    return number(float(match[0].replace("Infinity", "inf"))) if match else _NAN


def _parse_int(text: object = None, radix: object = None) -> int | float:
    """The whole number that a text begins with, in a base from 2 to 36; NaN where it begins with none."""
    source = js_string(text).strip().lower()
    sign = -1 if source.startswith("-") else 1
    source = source[1:] if source[:1] in ("+", "-") else source
    base = int(radix) if isinstance(radix, int | float) else 0
    if base in (0, 16) and source.startswith("0x"):
        base, source = 16, source[2:]
    base = base or 10
    if not 2 <= base <= 36:
        return _NAN
    known = _DIGITS[:base]
    digits = source[: next((i for i, char in enumerate(source) if char not in known), len(source))]
    return number(float(sign * int(digits, base))) if digits else _NAN


IS_FINITE: Final = JsFunction(_is_finite, "isFinite")
IS_NAN: Final = JsFunction(_is_nan, "isNaN")
PARSE_FLOAT: Final = JsFunction(_parse_float, "parseFloat")
PARSE_INT: Final = JsFunction(_parse_int, "parseInt")


class _BooleanConstructor(JsProxy):
    """`js.Boolean`; with `new` it makes an object."""

    _js_name = "Function"
    name = "Boolean"

    def __call__(self, value: object = None) -> bool:
        return _is_true(value)

    def new(self, value: object = None) -> Boxed:
        return box(_is_true(value))


class _NumberConstructor(JsProxy):
    """`js.Number`; with `new` it makes an object."""

    _js_name = "Function"
    name = "Number"
    MAX_SAFE_INTEGER = MAX_SAFE_INTEGER
    MIN_SAFE_INTEGER = -MAX_SAFE_INTEGER
    MAX_VALUE = sys.float_info.max
    MIN_VALUE = 5e-324
    EPSILON = sys.float_info.epsilon
    POSITIVE_INFINITY = math.inf
    NEGATIVE_INFINITY = -math.inf
    NaN = _NAN
    parseFloat = PARSE_FLOAT
    parseInt = PARSE_INT

    def __call__(self, value: object = 0) -> int | float:
        return number(to_number(value))

    def new(self, value: object = 0) -> Boxed:
        return box(self(value))

    # Unlike the functions of these names, the methods take numbers only: nothing else counts as one.

    def isFinite(self, value: object) -> bool:
        return _is_number(value) and math.isfinite(to_number(value))

    def isInteger(self, value: object) -> bool:
        return self.isFinite(value) and to_number(value).is_integer()

    def isNaN(self, value: object) -> bool:
        return isinstance(value, float) and math.isnan(value)

    def isSafeInteger(self, value: object) -> bool:
        return self.isInteger(value) and abs(to_number(value)) <= MAX_SAFE_INTEGER


class _Math(JsProxy):
    """`js.Math`. What has no result is NaN, never an error."""

    _js_name = "Math"
    E, PI, LN2, LN10 = math.e, math.pi, math.log(2), math.log(10)
    LOG2E, LOG10E, SQRT2, SQRT1_2 = math.log2(math.e), math.log10(math.e), math.sqrt(2), math.sqrt(0.5)

    def __getattr__(self, name: str) -> JsFunction:
        """The functions that both languages have: `sin`, `sqrt`, `floor`..."""
        known = {"acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh", "exp",
                 "expm1", "floor", "hypot", "log", "log10", "log1p", "log2", "sin", "sinh", "sqrt", "tan", "tanh",
                 "trunc"}  # fmt: skip
        if name not in known:
            raise AttributeError(name)
        function = getattr(math, name)

        def call(*values: object) -> int | float:
            numbers = [to_number(value) for value in values]
            try:
                return number(function(*numbers))
            except ValueError:  # outside of what the function is defined for, or floor of an infinity
                return -math.inf if name.startswith("log") and numbers == [0.0] else _NAN
            except OverflowError:
                return numbers[0] if name in ("ceil", "floor", "trunc") else math.inf

        return JsFunction(call, name)

    def abs(self, value: object) -> int | float:
        return number(math.fabs(to_number(value)))

    def max(self, *values: object) -> int | float:
        numbers = [to_number(value) for value in values]
        return _NAN if any(map(math.isnan, numbers)) else number(max(numbers, default=-math.inf))

    def min(self, *values: object) -> int | float:
        numbers = [to_number(value) for value in values]
        return _NAN if any(map(math.isnan, numbers)) else number(min(numbers, default=math.inf))

    def pow(self, base: object, exponent: object) -> int | float:
        try:
            power = to_number(base) ** to_number(exponent)
        except (OverflowError, ZeroDivisionError):
            return math.inf
        return _NAN if isinstance(power, complex) else number(power)

    def random(self) -> float:
        """A number from 0 to 1. Needs an event to run for."""
        require_request()
        return random.random()

    def round(self, value: object) -> int | float:
        """To the nearest whole number; halves go up."""
        found = to_number(value)
        return number(float(math.floor(found + 0.5))) if math.isfinite(found) else found

    def sign(self, value: object) -> int | float:
        found = to_number(value)
        return found if math.isnan(found) else (found > 0) - (found < 0)


BOOLEAN: Final = _BooleanConstructor()
NUMBER: Final = _NumberConstructor()
MATH: Final = _Math()


def _is_true(value: object) -> bool:
    """Whether a value counts as true: every object does, empty or not."""
    if is_nullish(value) or (isinstance(value, float) and math.isnan(value)):
        return False
    return isinstance(value, JsProxy) or bool(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
