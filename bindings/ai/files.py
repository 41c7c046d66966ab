"""Files as inputs: bytes, numbers or base64 in JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from paddock.bindings.errors import InputError

__all__ = ["file_bytes"]


def file_bytes(name: str, value: object) -> bytes:
    """The bytes of the input `name` in any form. Raises InputError that says what was expected."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, list):
        return _joined(name, value)
    if not isinstance(value, str):
        kind = "an object, as which JSON has bytes: pass list(data)" if isinstance(value, dict) else f"{value!r:.20}"
        raise InputError(f"Error: {name}: expected a list of integers, or base64; got {kind}")
    text = encoded = value
    if text[:5].lower() == "data:":
        _, separator, encoded = text.partition(";base64,")
        if not separator:
            raise InputError(f"Error: {name}: expected `;base64,` in a data URI; got {text[:40]!r}")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        reason = "nothing is fetched" if "://" in text[:10] else error
        raise InputError(f"Error: {name}: expected base64; got {text[:20]!r} ({reason})") from error


def _joined(name: str, values: list[Any]) -> bytes:
    try:
        return bytes(int(byte) if isinstance(byte, float) and byte.is_integer() else byte for byte in values)
    except (TypeError, ValueError) as error:
        at, wrong = next((at, value) for at, value in enumerate(values) if not _is_byte(value))
        raise InputError(f"Error: {name}[{at}]: expected an integer from 0 to 255; got {str(wrong)[:20]!r}") from error


def _is_byte(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 255 and value == int(value)
