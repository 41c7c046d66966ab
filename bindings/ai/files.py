"""Files as inputs: bytes, numbers or base64 in JSON."""

from __future__ import annotations

import base64
import binascii

from paddock.bindings.errors import InputError

__all__ = ["file_bytes"]


def file_bytes(name: str, value: object) -> bytes:
    """The bytes of the input `name` in any form. Raises InputError that says what was expected."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, list):
        try:
            return bytes(int(byte) if isinstance(byte, float) and byte.is_integer() else byte for byte in value)
        except (TypeError, ValueError) as error:
            raise InputError(f"Error: {name}: expected integers from 0 to 255, a byte each; {error}") from error
    text = str(value)
    begun = text.partition("base64,")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(begun.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"Error: {name}: expected base64; got {text[:20]!r} ({error})") from error
