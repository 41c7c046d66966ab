"""Reads the part of Cap'n Proto's text format that workerd's configurations are written in.

A `.wd-test` file is a list of constants. Values become Python's: a struct is a dict, a list a list, `embed "x"` an
`Embed`, and a reference to another constant that constant's value. Source: capnproto.org, "Schema Language", constants.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

__all__ = ["Embed", "Value", "read_constants"]

Value = object

_TOKENS = re.compile(r'\s+|\#[^\n]*|("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?)|([A-Za-z_]\w*(?:\.\w+)*)|(\S)')
_WORDS = {"true": True, "false": False, "void": None}


class Embed(NamedTuple):
    """A file's content, by its path beside the configuration."""

    path: str


class _Reference(NamedTuple):
    name: str


class _Reader:
    """Tokens from left to right; one method for each rule."""

    def __init__(self, text: str) -> None:
        self._tokens = [m[m.lastindex] for m in _TOKENS.finditer(text) if m.lastindex]
        self._at = 0

    def constants(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while self._at < len(self._tokens):
            if self._take() == "const":
                name = self._take()
                self._skip_past("=")
                found[name] = self._value()
            self._skip_past(";")
        return found

    def _value(self) -> Value:
        token = self._take()
        if token == "(":
            return dict(self._separated(")", self._field))
        if token == "[":
            return self._separated("]", self._value)
        if token == ".":
            return _Reference(self._take())
        if token == "embed":
            return Embed(json.loads(self._take()))
        if token.startswith('"'):
            return json.loads(token)
        return json.loads(token) if token[0] in "-0123456789" else _WORDS.get(token, token)

    def _field(self) -> tuple[str, Value]:
        name = self._take()
        self._skip_past("=")
        return name, self._value()

    def _separated(self, end: str, rule):  # type: ignore[no-untyped-def]  # a list of whatever the rule returns
        found = []
        while (token := self._peek()) != end:
            if token == ",":
                self._take()
            else:
                found.append(rule())
        self._take()
        return found

    def _skip_past(self, token: str) -> None:
        while self._take() != token:
            pass

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]


def read_constants(text: str) -> dict[str, Value]:
    """The file's constants by name, references resolved. Raises IndexError for text that ends too soon."""
    constants = _Reader(text).constants()

    def resolved(value: Value) -> Value:
        match value:
            case _Reference(name):
                return resolved(constants[name])
            case dict():
                return {name: resolved(member) for name, member in value.items()}
            case list():
                return [resolved(member) for member in value]
        return value

    return {name: resolved(value) for name, value in constants.items()}
