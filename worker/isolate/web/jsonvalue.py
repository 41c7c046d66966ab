"""`JSON.parse` and `JSON.stringify`: text to JavaScript values and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring
from typing import Final

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.bigint import JsBigInt
from paddock.worker.isolate.web.boxed import Boxed
from paddock.worker.isolate.web.buffers import TypedArray
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, jsnull
from paddock.worker.isolate.web.text import MAX_SAFE_INTEGER, js_string, number, number_text

__all__ = ["JSON", "from_python", "own_members", "parse", "stringify"]

_MANY_DIGITS: Final = re.compile(r"[0-9]{16}")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


#: Types that are the same in both languages.
_ATOMS: Final = {str, int, float, bool}


def parse(text: str) -> object:
    """JSON text as JavaScript values. Raises a SyntaxError where the text is no JSON.

    A number is an int where it is whole and exact, so `1.0` and `1e3` are ints; larger integers lose digits.
    """
    try:
        # Without long runs of digits no integer can be out of range, and the built-in conversion is much faster.
        whole = _whole if _MANY_DIGITS.search(text) else None
        return from_python(json.loads(text, parse_int=whole, parse_float=_real, parse_constant=_refuse))
    except RecursionError as error:
        raise JsException("RangeError", "Maximum call stack size exceeded") from error
    except ValueError as error:
        raise JsException("SyntaxError", _complaint(text, error)) from error


def from_python(value: object) -> object:
    """Python's JSON values as JavaScript's: dict to Object, list to Array, None to null."""
    match value:
        case dict():
            return JsObject({name: from_python(member) for name, member in value.items()})
        case list():
            return JsArray([item if type(item) in _ATOMS else from_python(item) for item in value])
        case None:
            return jsnull
    return value


def stringify(value: object, indent: str = "") -> str | None:
    """The JSON text of a value, compact unless an indent is given; None where it has none (undefined, a function).

    Members that are undefined or functions vanish, in arrays they are null. Python's dicts and lists read like
    objects and arrays. Raises a TypeError for cycles and for integers that JavaScript would hold as BigInt.
    """
    try:
        return _Writer(indent).text(value, "\n")
    except RecursionError as error:
        raise JsException("RangeError", "Maximum call stack size exceeded") from error


class _Writer:
    """One call of `stringify`. `line` is what a new line begins with at the current depth."""

    def __init__(self, indent: str) -> None:
        self._indent = indent
        self._colon = ": " if indent else ":"
        self._open: set[int] = set()

    def text(self, value: object, line: str) -> str | None:
        match value:
            case str():
                return _quote(value)
            case bool():
                return "true" if value else "false"
            case int():
                if abs(value) > MAX_SAFE_INTEGER or isinstance(value, JsBigInt):
                    raise type_error("Do not know how to serialize a BigInt")
                return str(int(value))
            case float():
                return number_text(value) if math.isfinite(value) else "null"
            case None:
                return None
        if value is jsnull:
            return "null"
        return self._structure(value, line)

    def _structure(self, value: object, line: str) -> str | None:
        if id(value) in self._open:
            raise type_error("Converting circular structure to JSON")
        self._open.add(id(value))
        try:
            if isinstance(value, Boxed):
                return self.text(value.valueOf(), line)
            if callable(to_json := getattr(value, "toJSON", None)):
                return self.text(to_json(), line)
            if callable(value):
                return None
            if isinstance(value, JsArray | list | tuple):
                return self._array(value._items if isinstance(value, JsArray) else value, line)
            return self._object(own_members(value), line) if isinstance(value, JsProxy | Mapping) else "{}"
        finally:
            self._open.discard(id(value))

    def _array(self, items: Iterable[object], line: str) -> str:
        inner = line + self._indent
        texts = [
            # Most long arrays hold numbers only; they are written without a call for each.
            str(item) if type(item) is int and -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER
            else self.text(item, inner) or "null"
            for item in items
        ]  # fmt: skip
        return self._enclose("[", texts, "]", line)

    def _object(self, members: Mapping[str, object], line: str) -> str:
        inner = line + self._indent
        texts = [(name, self.text(member, inner)) for name, member in members.items()]
        pairs = [f"{_quote(js_string(name))}{self._colon}{text}" for name, text in texts if text is not None]
        return self._enclose("{", pairs, "}", line)

    def _enclose(self, left: str, texts: list[str], right: str, line: str) -> str:
        if not self._indent or not texts:
            return f"{left}{','.join(texts)}{right}"
        inner = line + self._indent
        return f"{left}{inner}{f',{inner}'.join(texts)}{line}{right}"


class _Json(JsProxy):
    """`js.JSON`."""

    _js_name = "JSON"

    def parse(self, text: object, reviver: object = None) -> object:
        """The value of a text; a reviver sees every member, innermost first, and may replace it."""
        value = parse(js_string(text))
        return _visit("", value, reviver) if callable(reviver) else value

    def stringify(self, value: object = None, replacer: object = None, space: object = None) -> str | None:
        """The text of a value. `replacer` is a function of (name, value) or a list of names; `space` the indent."""
        if callable(replacer):
            value = _replaced("", value, replacer)
        elif isinstance(replacer, Iterable):
            value = _selected(value, {js_string(name) for name in replacer})
        indent = " " * min(space, 10) if isinstance(space, int) else space[:10] if isinstance(space, str) else ""
        return stringify(value, indent)


#: The object that handlers import.
JSON: Final = _Json()


def own_members(value: JsProxy | Mapping[str, object]) -> Mapping[str, object]:
    """The members that a value is written with, in order."""
    if isinstance(value, TypedArray):
        return {str(index): element for index, element in enumerate(value)}
    return value._members() if isinstance(value, JsProxy) else value


def _visit(name: str, value: object, reviver: Callable[..., object]) -> object:
    """Replace a parsed value, from the inside out, by what the reviver returns; undefined removes a member."""
    if isinstance(value, JsArray):
        value = JsArray(_visit(str(index), item, reviver) for index, item in enumerate(value))
    elif isinstance(value, JsObject):
        visited = {member: _visit(member, inner, reviver) for member, inner in value._members().items()}
        value = JsObject({member: inner for member, inner in visited.items() if inner is not None})
    return reviver(name, value)


def _replaced(name: str, value: object, replacer: Callable[..., object]) -> object:
    """A copy in which every value, from the outside in, is what the replacer returns for it."""
    value = replacer(name, value)
    if isinstance(value, JsArray | list):
        return JsArray(_replaced(str(index), item, replacer) for index, item in enumerate(value))
    if isinstance(value, JsObject | dict):
        members = value._members() if isinstance(value, JsObject) else value
        return JsObject({member: _replaced(member, inner, replacer) for member, inner in members.items()})
    return value


def _selected(value: object, names: set[str]) -> object:
    """A copy whose objects keep only the named members."""
    if isinstance(value, JsArray | list):
        return JsArray(_selected(item, names) for item in value)
    if isinstance(value, JsObject | dict):
        members = value._members() if isinstance(value, JsObject) else value
        return JsObject({name: _selected(member, names) for name, member in members.items() if name in names})
    return value


def _quote(text: str) -> str:
    quoted = encode_basestring(text)
    return quoted if text.isascii() else _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _whole(text: str) -> int | float:
    value = int(text) if len(text) < 20 else float(text)
    return value if abs(value) <= MAX_SAFE_INTEGER else float(value)


def _real(text: str) -> int | float:
    return number(float(text))


def _refuse(text: str) -> object:
    raise ValueError(f"Unexpected token '{text[0]}'")


#: What Python's parser says -> what V8 says, where both know what was expected.
_COMPLAINTS: Final = {
    "Expecting property name enclosed in double quotes": "Expected double-quoted property name",
    "Illegal trailing comma before end of object": "Expected double-quoted property name",
    "Expecting ':' delimiter": "Expected ':' after property name",
    "Extra data": "Unexpected non-whitespace character after JSON",
    "Invalid control character at": "Bad control character in string literal",
    "Unterminated string starting at": "Unterminated string",
}


def _complaint(text: str, error: ValueError) -> str:
    """V8's way to say what is wrong. A token that it does not expect is shown with what stands around it."""
    position = getattr(error, "pos", None)
    known = getattr(error, "msg", "")
    if not text.strip():
        return "Unexpected end of JSON input"
    if position is None:
        return f"{error}, {text[:20]!r} is not valid JSON"
    if (said := _COMPLAINTS.get(known)) is not None:
        return _at(said, text, _where(known, text, position))
    if known == "Expecting ',' delimiter":
        is_array = _encloses_array(text, position)
        return _at(f"Expected ',' or '{']' if is_array else '}'}' after "
                   f"{'array element' if is_array else 'property value'}", text, position)  # fmt: skip
    if known.startswith("Invalid \\escape"):
        return _at("Bad escaped character", text, position + 1)
    if known.startswith("Illegal trailing comma"):  # before the end of an array: the bracket is what is not expected
        position = text.index("]", position)
    if position >= len(text) or any(word.startswith(text[position:]) for word in ("true", "false", "null")):
        return "Unexpected end of JSON input"
    begin, end = max(0, position - 10), position + 10
    around = text[begin:end] if len(text) > 40 else text
    dots = ("..." if len(text) > 40 and begin else "", "..." if len(text) > 40 and end < len(text) else "")
    return f"Unexpected token '{text[position]}', {dots[0]}\"{around}\"{dots[1]} is not valid JSON"


def _where(known: str, text: str, position: int) -> int:
    """Where V8 points to: at the end of what has no end, behind a comma that is too much."""
    if known.startswith("Unterminated"):
        return len(text)
    return text.index("}", position) if known.startswith("Illegal trailing comma") else position


def _at(said: str, text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    if said.startswith("Expected double") and text[:position].rstrip().endswith("{"):
        said = "Expected property name or '}'"
    return f"{said} in JSON at position {position} (line {line} column {column})".replace("JSON in JSON", "JSON")


def _encloses_array(text: str, position: int) -> bool:
    """Whether the innermost bracket that is open before a position is that of an array."""
    opened: list[str] = []
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text[:position]):
        if match[0] in "[{":
            opened.append(match[0])
        elif match[0] in "]}" and opened:
            opened.pop()
    return opened[-1:] == ["["]
