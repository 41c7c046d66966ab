"""`RegExp`: JavaScript's patterns on Python's engine.

Source: ECMAScript, "RegExp objects". The pattern is translated: both languages share most of the syntax, and what
Python's engine has no counterpart for is a SyntaxError that says so.
"""

from __future__ import annotations

import re
from typing import Final

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, null
from paddock.worker.isolate.web.text import js_string

__all__ = ["RegExp"]

_FLAGS: Final = "dgimsuvy"
#: One piece of a pattern: an escape, a class, the beginning of a group, or any other character.
_PIECE: Final = re.compile(
    r"\\(?:u\{[0-9a-fA-F]+\}|k<[^>]*>|[pP]\{[^}]*\}|c[A-Za-z]|.)|\[\^?|\]|\(\?<(?![=!])|[^\\]", re.S
)
#: JavaScript's digits and words are ASCII, Python's are not.
_OUTSIDE: Final = {r"\/": "/", r"\d": "[0-9]", r"\D": "[^0-9]", r"\w": "[A-Za-z0-9_]", r"\W": "[^A-Za-z0-9_]"}
_INSIDE: Final = {r"\/": "/", r"\d": "0-9", r"\w": "A-Za-z0-9_"}
#: An empty class matches nothing, its negation everything; Python would take the bracket for a member.
_EMPTY: Final = {"[": ["(?!)"], "[^": [r"[\s\S]"]}
#: Letters whose escapes mean the same in both languages.
_SHARED: Final = "bBdDfnrsStuvwWx"


class RegExp(JsProxy, metaclass=JsClass):
    """A pattern. `lastIndex` is where the next match of a global or sticky pattern begins."""

    _source: str
    _flags: str

    def __init__(self, pattern: object = None, flags: object = None) -> None:
        if isinstance(pattern, RegExp):
            self._source, inherited = pattern._source, pattern._flags
        else:
            self._source, inherited = js_string("" if pattern is None else pattern) or "(?:)", ""
        self._flags = "".join(sorted(inherited if is_nullish(flags) else js_string(flags)))
        if len(set(self._flags)) != len(self._flags) or set(self._flags) - set(_FLAGS):
            raise JsException("SyntaxError", f"Invalid flags supplied to RegExp constructor '{js_string(flags)}'")
        self.lastIndex = 0
        options = re.I * ("i" in self._flags) | re.M * ("m" in self._flags) | re.S * ("s" in self._flags)
        try:
            self._compiled = re.compile(_translated(self._source, "m" in self._flags), options)
        except re.error as error:
            raise JsException("SyntaxError", f"Invalid regular expression: /{self._source}/: {error}") from error

    @property
    def source(self) -> str:
        return self._source

    @property
    def flags(self) -> str:
        return self._flags

    @property
    def global_(self) -> bool:
        return "g" in self._flags

    @property
    def ignoreCase(self) -> bool:
        return "i" in self._flags

    @property
    def multiline(self) -> bool:
        return "m" in self._flags

    @property
    def sticky(self) -> bool:
        return "y" in self._flags

    def test(self, text: object = None) -> bool:
        """Whether the text has a match."""
        return self._match(js_string(text)) is not None

    def exec(self, text: object = None) -> object:
        """The next match: an array of its groups, with `input` and `groups`; null where there is none."""
        source = js_string(text)
        match = self._match(source)
        if match is None:
            return null()
        found = JsArray([match[0], *match.groups()])
        named = JsObject(match.groupdict()) if match.groupdict() else None
        # The match's `index` cannot be read: from Python, an array's `index` is the method of lists, as in production.
        found.input, found.groups = source, named  # type: ignore[attr-defined]  # members that only this array has
        return found

    def toString(self) -> str:
        return f"/{self._source}/{self._flags}"

    def _match(self, text: str) -> re.Match[str] | None:
        is_moving = bool({"g", "y"} & set(self._flags))
        begin = self.lastIndex if is_moving else 0
        find = self._compiled.match if self.sticky else self._compiled.search
        match = find(text, begin) if begin <= len(text) else None
        if is_moving:
            self.lastIndex = 0 if match is None else match.end()
        return match


def _translated(pattern: str, is_multiline: bool) -> str:
    """The pattern in Python's syntax."""
    pieces: list[str] = []
    is_class = False
    for match in _PIECE.finditer(pattern):
        piece = match[0]
        if piece.startswith("\\"):
            pieces.append(_escape(piece, is_class))
        elif is_class and piece == "]":
            is_class = False
            pieces[-1:] = _EMPTY.get(pieces[-1], [pieces[-1], piece])
        elif is_class:
            pieces.append(f"\\{piece}" if piece in ("[", "[^", "&", "~", "|") else piece)
        elif piece in ("[", "[^"):
            is_class = True
            pieces.append(piece)
        elif piece == "(?<":
            pieces.append("(?P<")
        else:
            # At the end of a text, Python's $ also matches before a line break.
            pieces.append(r"\Z" if piece == "$" and not is_multiline else piece)
    return "".join(pieces)


def _escape(piece: str, is_class: bool) -> str:
    if piece in (_INSIDE if is_class else _OUTSIDE):
        return (_INSIDE if is_class else _OUTSIDE)[piece]
    if piece.startswith(r"\u{"):
        return re.escape(chr(int(piece[3:-1], 16)))
    if piece.startswith(r"\k<"):
        return f"(?P={piece[3:-1]})"
    if piece[1] == "c" and len(piece) > 2:
        return re.escape(chr(ord(piece[2].upper()) - 64))
    if piece[1] in "pP" and len(piece) > 2:
        raise re.error(f"{piece} is not available in Paddock")
    return piece[1] if piece[1].isalpha() and piece[1] not in _SHARED else piece
