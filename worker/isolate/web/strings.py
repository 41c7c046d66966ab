"""`String`, `Symbol`, and text in URLs: `encodeURIComponent` and its relatives.

Source: ECMAScript, "String objects", "URI handling functions".
"""

from __future__ import annotations

import re
import urllib.parse
from typing import ClassVar, Final

from paddock.worker.isolate.web.boxed import Boxed, box
from paddock.worker.isolate.web.classes import JsFunction
from paddock.worker.isolate.web.errors import JsException, range_error
from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.text import js_string

__all__ = ["DECODE_URI", "DECODE_URI_COMPONENT", "ENCODE_URI", "ENCODE_URI_COMPONENT", "STRING", "SYMBOL"]

#: What stays as it is beside letters, digits and "-_.~".
_COMPONENT: Final = "!*'()"
_WHOLE: Final = ";/?:@&=+$,#!*'()"
_MALFORMED: Final = "URI malformed"


def _encode(text: object, safe: str) -> str:
    try:
        return urllib.parse.quote(js_string(text).encode("utf-16", "surrogatepass").decode("utf-16"), safe)
    except UnicodeDecodeError as error:
        raise JsException("URIError", _MALFORMED) from error


def _decode(text: object, kept: str) -> str:
    """Escapes decoded, but those of the characters in `kept`."""

    def run(match: re.Match[str]) -> str:
        decoded = bytes.fromhex(match[0].replace("%", "")).decode()
        return "".join(f"%{ord(char):02X}" if char in kept else char for char in decoded)

    source = js_string(text)
    if re.search(r"%(?![0-9a-fA-F]{2})", source):
        raise JsException("URIError", _MALFORMED)
    try:
        return re.sub(r"(?:%[0-9a-fA-F]{2})+", run, source)
    except UnicodeDecodeError as error:
        raise JsException("URIError", _MALFORMED) from error


ENCODE_URI: Final = JsFunction(lambda text=None: _encode(text, _WHOLE), "encodeURI")
ENCODE_URI_COMPONENT: Final = JsFunction(lambda text=None: _encode(text, _COMPONENT), "encodeURIComponent")
DECODE_URI: Final = JsFunction(lambda text=None: _decode(text, ";/?:@&=+$,#"), "decodeURI")
DECODE_URI_COMPONENT: Final = JsFunction(lambda text=None: _decode(text, ""), "decodeURIComponent")


class _StringConstructor(JsProxy):
    """`js.String`: the text of a value; with `new` it makes an object."""

    _js_name = "Function"
    name = "String"

    def __call__(self, value: object = "") -> str:
        return js_string(value)

    def new(self, value: object = "") -> Boxed:
        return box(js_string(value))

    def fromCharCode(self, *units: int) -> str:
        """The text of UTF-16 units."""
        data = b"".join((int(unit) & 0xFFFF).to_bytes(2, "little") for unit in units)
        return data.decode("utf-16-le", "surrogatepass")

    def fromCodePoint(self, *points: int) -> str:
        for point in points:
            if not 0 <= point <= 0x10FFFF:
                raise range_error(f"Invalid code point {point}")
        return "".join(map(chr, points))


class _Symbol(JsProxy):
    """A value that is equal to itself only."""

    _js_name = "Symbol"

    def __init__(self, description: str = "") -> None:
        self._description = description

    @property
    def description(self) -> str:
        return self._description

    @property
    def typeof(self) -> str:
        return "symbol"

    def toString(self) -> str:
        return f"Symbol({self._description})"


class _SymbolConstructor(JsProxy):
    """`js.Symbol`, called without `new`."""

    _js_name = "Function"
    name = "Symbol"
    iterator, asyncIterator, toStringTag = (
        _Symbol(f"Symbol.{name}") for name in ("iterator", "asyncIterator", "toStringTag")
    )
    _registered: ClassVar[dict[str, _Symbol]] = {}

    def __call__(self, description: object = None) -> _Symbol:
        return _Symbol("" if description is None else js_string(description))

    def for_(self, key: object) -> _Symbol:
        """The one symbol of a text."""
        return self._registered.setdefault(js_string(key), _Symbol(js_string(key)))


STRING: Final = _StringConstructor()
SYMBOL: Final = _SymbolConstructor()
