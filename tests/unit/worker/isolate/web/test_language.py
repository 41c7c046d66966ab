"""The language's own objects. What is expected was recorded from Node 20 where a comment does not say otherwise."""

from __future__ import annotations

import asyncio
import gc
import math
from typing import Any

import pytest

from paddock.worker.isolate.web.abort import AbortSignal
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.bigint import BIGINT, JsBigInt
from paddock.worker.isolate.web.buffers import TYPED_ARRAYS
from paddock.worker.isolate.web.console import CONSOLE
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import DOM_EXCEPTION, JsException
from paddock.worker.isolate.web.jsonvalue import JSON
from paddock.worker.isolate.web.numbers import BOOLEAN, IS_NAN, MATH, NUMBER, PARSE_FLOAT, PARSE_INT
from paddock.worker.isolate.web.objectclass import Object
from paddock.worker.isolate.web.objects import JsObject, jsnull
from paddock.worker.isolate.web.promise import Promise
from paddock.worker.isolate.web.regexp import RegExp
from paddock.worker.isolate.web.runtime import NAVIGATOR, PERFORMANCE, SCHEDULER
from paddock.worker.isolate.web.scope import enter_request
from paddock.worker.isolate.web.strings import (
    DECODE_URI,
    DECODE_URI_COMPONENT,
    ENCODE_URI,
    ENCODE_URI_COMPONENT,
    STRING,
    SYMBOL,
)
from paddock.worker.isolate.web.weak import WeakMap, WeakRef, WeakSet

_NAN: Any = "NaN"


def _plain(value: object) -> object:
    """NaN by its name, so that it equals itself."""
    return _NAN if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize(
    ("value", "expected"),
    [("12.5", 12.5), (" 7 ", 7), ("", 0), ("0x1f", 31), ("1e3", 1000), ("12px", _NAN), (None, _NAN), (jsnull, 0),
     (True, 1), ("-Infinity", -math.inf), (Date.new(5), 5)],
)  # fmt: skip
def test_number_of_a_value(value: object, expected: object) -> None:
    assert _plain(NUMBER(value)) == expected


def test_number_predicates_take_numbers_only() -> None:
    asked = [NUMBER.isInteger(5.0), NUMBER.isInteger("5"), NUMBER.isSafeInteger(2**53), NUMBER.isNaN("x"), IS_NAN("x")]
    assert asked == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(("42px",), 42), (("-0x1A",), -26), (("z", 36), 35), (("101", 2), 5), (("x",), _NAN), (("5", 1), _NAN)],
)
def test_parse_int(arguments: tuple[object, ...], expected: object) -> None:
    assert _plain(PARSE_INT(*arguments)) == expected


def test_parse_float_and_boolean() -> None:
    assert [PARSE_FLOAT("3.50abc"), PARSE_FLOAT("1e400")] == [3.5, math.inf]
    assert [BOOLEAN(value) for value in (0, "", "0", jsnull, math.nan, JsArray())] == [
        False, False, True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "expected"),
    [(("round", 2.5), 3), (("round", -2.5), -2), (("max",), -math.inf), (("max", 1, "3", 2), 3), (("floor", -1.5), -2),
     (("sqrt", -1), _NAN), (("log", 0), -math.inf), (("pow", 2, 0.5), 2**0.5), (("trunc", math.inf), math.inf),
     (("sign", -3), -1), (("hypot", 3, 4), 5), (("abs", -7), 7), (("min", math.nan, 1), _NAN)],
)  # fmt: skip
def test_math(call: tuple[Any, ...], expected: object) -> None:
    assert _plain(getattr(MATH, call[0])(*call[1:])) == expected


def test_random_needs_an_event() -> None:
    async def main() -> float:
        async with enter_request():
            return MATH.random()

    assert 0 <= asyncio.run(main()) < 1
    with pytest.raises(JsException, match="global scope"):
        MATH.random()


def test_bigint_is_an_int() -> None:
    big: Any = BIGINT("9007199254740993")
    assert (big, isinstance(big, JsBigInt), big + 1) == (9007199254740993, True, 9007199254740994)
    assert [BIGINT("0x10"), BIGINT(5.0), BIGINT("")] == [16, 5, 0]
    with pytest.raises(JsException, match="RangeError"):
        BIGINT(1.5)
    with pytest.raises(JsException, match=r"SyntaxError: Cannot convert 1\.5 to a BigInt"):
        BIGINT("1.5")
    with pytest.raises(JsException, match="serialize a BigInt"):
        JSON.stringify(BIGINT(1))


def test_text_of_values_and_characters() -> None:
    assert [STRING(1.0), STRING(None), STRING(jsnull), STRING()] == ["1", "undefined", "null", ""]
    assert STRING.fromCharCode(104, 0xD83D, 0xDE00) == "h\U0001f600"
    assert STRING.fromCodePoint(0x1F600) == "\U0001f600"


def test_uri_escapes() -> None:
    text = "a b/ä?c=d&e#f'(1)!~*"
    assert ENCODE_URI_COMPONENT(text) == "a%20b%2F%C3%A4%3Fc%3Dd%26e%23f'(1)!~*"
    assert ENCODE_URI(text) == "a%20b/%C3%A4?c=d&e#f'(1)!~*"
    assert DECODE_URI_COMPONENT("a%20b%2F%C3%A4") == "a b/ä"
    assert DECODE_URI("a%20b%2F%C3%A4") == "a b%2Fä"
    for function, wrong in ((DECODE_URI_COMPONENT, "%"), (DECODE_URI_COMPONENT, "%ff"), (ENCODE_URI, "\ud800")):
        with pytest.raises(JsException, match="URIError: URI malformed"):
            function(wrong)


def test_symbols() -> None:
    assert SYMBOL("a") is not SYMBOL("a")
    assert SYMBOL.for_("a") is SYMBOL.for_("a")
    assert (str(SYMBOL("a")), SYMBOL("a").typeof, str(SYMBOL.iterator)) == (
        "Symbol(a)",
        "symbol",
        "Symbol(Symbol.iterator)",
    )


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "groups"),
    [
        (r"(\d+)-(?<word>\w+)", "", "x 12-ab", ["12-ab", "12", "ab"]),
        (r"^b$", "m", "a\nb", ["b"]),
        (r"b$", "", "b\n", None),
        (r"[^]", "", "\n", ["\n"]),
        (r"a[]", "", "a", None),
        (r"[[&]", "", "[", ["["]),
        (r"\/\u0061\u{62}", "u", "/ab", ["/ab"]),
        (r"\d", "", "\u0663", None),
        (r"(?<q>['\"]).*?\k<q>", "", "say 'hi'", ["'hi'", "'"]),
        (r"A.C", "is", "a\nc", ["a\nc"]),
        (r"[\d\/]+", "", "a1/2", ["1/2"]),
    ],
)
def test_regexp(pattern: str, flags: str, text: str, groups: list[str] | None) -> None:
    found: Any = RegExp.new(pattern, flags).exec(text)
    assert (None if found is jsnull else list(found)) == groups


def test_global_regexp_goes_on_where_it_stopped() -> None:
    pattern = RegExp.new("a.", "g")
    found: Any = [pattern.exec("ab ac"), pattern.exec("ab ac"), pattern.exec("ab ac")]
    assert [item is jsnull or item[0] for item in found] == ["ab", "ac", True]
    assert (pattern.lastIndex, str(pattern), pattern.global_) == (0, "/a./g", True)


def test_named_groups_are_members() -> None:
    found: Any = RegExp.new("(?<year>[0-9]{4})").exec("in 2026")
    assert (found.groups.year, found.input) == ("2026", "in 2026")


@pytest.mark.parametrize(("pattern", "flags"), [("(", ""), ("a", "gg"), ("a", "x"), (r"\p{L}", "u")])
def test_wrong_patterns_are_syntax_errors(pattern: str, flags: str) -> None:
    """`\\p` exists in JavaScript; Python's engine has no counterpart, which the error says."""
    with pytest.raises(JsException, match="SyntaxError"):
        RegExp.new(pattern, flags)


def test_weak_collections_do_not_keep_objects() -> None:
    key, known, held = JsObject(), WeakMap.new(), WeakSet.new()
    known.set(key, 1)
    held.add(key)
    reference = WeakRef.new(key)
    assert (known.get(key), held.has(key), reference.deref() is key) == (1, True, True)
    assert key.to_weakref().deref() is key  # type: ignore[attr-defined]  # a WeakRef
    del key
    gc.collect()
    assert reference.deref() is None
    with pytest.raises(JsException, match="TypeError: Invalid value used as weak map key"):
        known.set("text", 1)


def test_array_methods_of_today() -> None:
    array = JsArray([3, 1, 2])
    assert list(array.toSorted()) == [1, 2, 3]
    assert list(array.toReversed()) == [2, 1, 3]
    assert list(array.with_(0, 9)) == [9, 1, 2]
    assert list(array.toSpliced(1, 1, "x", "y")) == [3, "x", "y", 2]
    assert list(array) == [3, 1, 2]
    assert array.findLast(lambda item, *_: item > 1) == 2
    assert array.reduceRight(lambda text, item, *_: f"{text}{item}", "") == "213"
    assert list(JsArray([1, 2]).flatMap(lambda item, *_: JsArray([item, item]))) == [1, 1, 2, 2]
    assert list(JsArray([0] * 4).fill(7, 1, 3)) == [0, 7, 7, 0]
    assert JsArray([1, 2, 1]).lastIndexOf(1) == 2


def test_typed_array_methods() -> None:
    make = TYPED_ARRAYS["Uint8Array"]
    array = make.new([10, 9, 1])
    assert list(array.toSorted()) == [1, 9, 10]
    assert list(array.map(lambda element, *_: element * 100)) == [232, 132, 100]
    assert (array.join("-"), array.indexOf(1), array.at(-1), array.includes(9)) == ("10-9-1", 2, 1, True)
    assert list(array.filter(lambda element, index, whole: whole is array and index < 2)) == [10, 9]
    assert list(array.copyWithin(0, 1)) == [9, 1, 1]
    assert list(make.new(4).fill(5, 1, 3)) == [0, 5, 5, 0]
    assert array.reduce(lambda total, element, *_: total + element, 0) == 11


def test_object_functions() -> None:
    groups: Any = Object.groupBy(JsArray([1, 2, 3]), lambda item, *_: "odd" if item % 2 else "even")
    assert groups.to_py() == {"odd": [1, 3], "even": [2]}
    assert [Object.is_(math.nan, math.nan), Object.is_(1, "1"), Object.is_(groups, groups)] == [True, False, True]
    assert list(Object.getOwnPropertyNames(JsArray(["a"]))) == ["0", "length"]
    assert Object.create(jsnull).to_py() == {}


def test_date_is_changed_part_by_part() -> None:
    date = Date.new("2026-01-31T12:30:15.250Z")
    date.setMonth(1)
    assert date.toISOString() == "2026-03-03T12:30:15.250Z"
    date.setUTCHours(0, 0, 0, 0)
    assert date.setDate(1) == date.getTime() == 1772323200000
    assert (date.toDateString(), date.toLocaleString()) == ("Sun Mar 01 2026", "3/1/2026, 12:00:00 AM")


def test_promise_functions_of_today() -> None:
    async def main() -> list[object]:
        async with enter_request():
            first = await Promise.any([Promise.reject(JsException("Error", "no")), Promise.resolve(1)])
            made: Any = Promise.withResolvers()
            made.resolve(2)
            with pytest.raises(JsException, match="AggregateError: All promises were rejected") as caught:
                await Promise.any([Promise.reject(JsException("Error", "no"))])
            errors: Any = caught.value.errors  # type: ignore[attr-defined]  # as in JavaScript
            return [first, await made.promise, errors[0].message, await Promise.try_(lambda: 3)]

    assert asyncio.run(main()) == [1, 2, "no", 3]


def test_dom_exception_has_the_name_that_it_is_given() -> None:
    error = DOM_EXCEPTION.new("text", "DataError")
    assert (error.name, error.message, error.constructor is DOM_EXCEPTION) == ("DataError", "text", True)


def test_clock_and_scheduler() -> None:
    """Production's clock starts at 0 and reads like `Date.now()` (workerd, api/performance)."""

    async def main() -> None:
        async with enter_request():
            await SCHEDULER.wait(0)
            with pytest.raises(JsException, match="TimeoutError: late"):
                await SCHEDULER.wait(60_000, signal=AbortSignal.abort(JsException("TimeoutError", "late")))

    asyncio.run(main())
    assert PERFORMANCE.timeOrigin == 0
    assert abs(PERFORMANCE.now() - Date.now()) < 5000
    assert NAVIGATOR.userAgent == "Cloudflare-Workers"


def test_console_formats_counts_and_asserts(capsys: pytest.CaptureFixture[str]) -> None:
    CONSOLE.log("%s is %d%% of %o", "a", 5, JsObject({"b": 1}), "more")
    CONSOLE.count()
    CONSOLE.count()
    CONSOLE.assert_(False, "why")
    out, err = capsys.readouterr()
    assert (out, err) == ("a is 5% of { b: 1 } more\ndefault: 1\ndefault: 2\n", "Assertion failed: why\n")


def test_values_as_objects() -> None:
    number = NUMBER.new("12")
    assert (number.constructor.name, number.to_py(), JSON.stringify(JsArray([number, STRING.new("a")]))) == (  # type: ignore[attr-defined]  # constructors have names
        "Number", 12, '[12,"a"]',
    )  # fmt: skip
    assert [NUMBER.new(1) == NUMBER.new(1), NUMBER(number), str(BOOLEAN.new(0))] == [False, 12, "false"]
