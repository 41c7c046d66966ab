"""`TextEncoder`, `TextDecoder`, `atob` and `btoa`.

Source: Encoding standard; HTML standard, "Base64 utility methods".
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.buffers import JsBuffer, uint8_array
from paddock.worker.isolate.web.classes import JsClass, JsFunction, folds_keywords
from paddock.worker.isolate.web.errors import JsException, range_error, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, read
from paddock.worker.isolate.web.text import js_string, utf8

if TYPE_CHECKING:
    from paddock.worker.isolate.web.buffers import TypedArray

__all__ = ["ATOB", "BTOA", "TextDecoder", "TextEncoder"]

#: Encodings by their standard names; on the web, latin-1 and ASCII mean windows-1252.
_CODECS: Final = {
    "utf-8": "utf-8", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "windows-1252": "cp1252",
    "iso-8859-2": "iso8859-2", "windows-1251": "cp1251", "shift_jis": "cp932", "euc-jp": "euc_jp", "gbk": "gbk",
    "gb18030": "gb18030", "big5": "big5hkscs", "euc-kr": "cp949", "koi8-r": "koi8-r", "koi8-u": "koi8-u",
    "ibm866": "cp866", "macintosh": "mac_roman", "x-mac-cyrillic": "mac_cyrillic", "windows-874": "cp874",
    "iso-2022-jp": "iso2022_jp",
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in (3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"windows-{page}": f"cp{page}" for page in (1250, 1253, 1254, 1255, 1256, 1257, 1258)},
}  # fmt: skip
_LABELS: Final = {
    "utf8": "utf-8", "unicode-1-1-utf-8": "utf-8", "utf-16": "utf-16le", "ascii": "windows-1252",
    "us-ascii": "windows-1252", "latin1": "windows-1252", "iso-8859-1": "windows-1252", "l1": "windows-1252",
    "cp1252": "windows-1252", "cp1251": "windows-1251", "sjis": "shift_jis", "gb2312": "gbk", "big5-hkscs": "big5",
}  # fmt: skip


#: The name under which Python's codecs find `_as_control`.
_CONTROLS: Final = "paddock.control"


def _as_control(error: UnicodeError) -> tuple[str, int]:
    """The control characters that the bytes in question have the numbers of."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(_CONTROLS, _as_control)


_NOT_BASE64: Final = (
    "atob() called with invalid base64-encoded data. (Only whitespace, '+', '/', alphanumeric ASCII, and up to two "
    "terminal '=' signs when the input data length is divisible by 4 are allowed.)"
)
_NOT_LATIN1: Final = "btoa() can only operate on characters in the Latin1 (ISO/IEC 8859-1) range."


class TextEncoder(JsProxy, metaclass=JsClass):
    """Text to UTF-8."""

    @property
    def encoding(self) -> str:
        return "utf-8"

    def encode(self, text: object = "") -> TypedArray:
        return uint8_array(bytearray(utf8("" if text is None else js_string(text))))

    def encodeInto(self, text: object, target: TypedArray) -> JsObject:
        """Write as much as fits into an array, whole characters only."""
        source = js_string(text)
        data = utf8(source)[: target.byteLength]
        fitting = data.decode("utf-8", "ignore")
        target.set(fitting.encode())
        # JavaScript counts UTF-16 units, so a character beyond the first plane is two.
        return JsObject({"read": len(fitting.encode("utf-16-le")) // 2, "written": len(fitting.encode())})


class TextDecoder(JsProxy, metaclass=JsClass):
    """Bytes to text; with `stream`, characters may be split between calls."""

    _is_at_start: bool

    def __init__(self, label: object = "utf-8", options: object = None) -> None:
        if isinstance(label, JsObject):  # only options were given
            label, options = "utf-8", label
        name = js_string("utf-8" if is_nullish(label) else label).strip().lower()
        self._encoding = _LABELS.get(name, name)
        if self._encoding not in _CODECS:
            raise range_error(f'"{name}" is not a valid encoding.')
        self._is_fatal = bool(read(options, "fatal"))
        self._keeps_bom = bool(read(options, "ignoreBOM"))
        self._start()

    @property
    def encoding(self) -> str:
        return self._encoding

    @property
    def codec(self) -> str:
        """What Python calls the encoding."""
        return _CODECS[self._encoding]

    @property
    def fatal(self) -> bool:
        return self._is_fatal

    @property
    def ignoreBOM(self) -> bool:
        return self._keeps_bom

    @folds_keywords
    def decode(self, data: object = None, options: object = None) -> str:
        """The text of some bytes. Raises a TypeError for malformed bytes if the decoder is fatal."""
        if isinstance(data, JsObject) and options is None:  # only options were given
            data, options = None, data
        if not is_nullish(data) and not isinstance(data, JsBuffer):
            raise type_error("Failed to execute 'decode' on 'TextDecoder': parameter 1 is not of type 'Array'.")
        keeps_state = bool(read(options, "stream"))
        try:
            text = self._decoder.decode(data.to_bytes() if isinstance(data, JsBuffer) else b"", not keeps_state)
        except UnicodeDecodeError as error:
            self._start()
            raise type_error("Failed to decode input.") from error
        if text and self._is_at_start:
            self._is_at_start = False
            text = text if self._keeps_bom else text.removeprefix("\ufeff")
        if not keeps_state:
            self._start()
        return text

    def _start(self) -> None:
        # On the web, a byte that a Windows code page leaves open is the control character of that number.
        is_open = self._encoding in ("windows-1252", "windows-1251")
        errors = _CONTROLS if is_open else "strict" if self._is_fatal else "replace"
        self._decoder = codecs.getincrementaldecoder(_CODECS[self._encoding])(errors)
        self._is_at_start = True


def _btoa(text: object) -> str:
    """Base64 of a string whose characters are bytes."""
    try:
        return base64.b64encode(js_string(text).encode("latin-1")).decode()
    except UnicodeEncodeError as error:
        raise JsException("InvalidCharacterError", _NOT_LATIN1) from error


def _atob(text: object) -> str:
    """The string whose characters are the decoded bytes; white space and missing padding are forgiven."""
    packed = re.sub(r"[\t\n\f\r ]", "", js_string(text))
    if len(packed) % 4 == 0:
        packed = re.sub(r"={1,2}$", "", packed)
    try:
        if len(packed) % 4 == 1 or not re.fullmatch(r"[A-Za-z0-9+/]*", packed):
            raise binascii.Error(packed)
        return base64.b64decode(packed + "=" * (-len(packed) % 4)).decode("latin-1")
    except binascii.Error as error:
        raise JsException("InvalidCharacterError", _NOT_BASE64) from error


ATOB: Final = JsFunction(_atob, "atob")
BTOA: Final = JsFunction(_btoa, "btoa")
