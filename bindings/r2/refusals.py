"""What R2 refuses: limits, and errors with the numbers and texts of production.

Source: developer docs, "R2 limits"; Miniflare, workers/r2. A handler reads `get: The specified key does not exist.
(10007)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_LIST_KEYS",
    "MAX_VALUE_BYTES",
    "MIN_PART_BYTES",
    "R2Refused",
    "check_key",
    "check_limit",
    "check_metadata",
]

MAX_LIST_KEYS: Final = 1000
MAX_VALUE_BYTES: Final = 5 * 1024**3 - 5 * 1024**2
MIN_PART_BYTES: Final = 5 * 1024**2
_MAX_KEY_BYTES: Final = 1024
_MAX_METADATA_BYTES: Final = 2048

#: Name -> HTTP status, number, text.
_REFUSALS: Final = {
    "internal": (500, 10001, "We encountered an internal error. Please try again."),
    "no_such_key": (404, 10007, "The specified key does not exist."),
    "too_small": (400, 10011, "Your proposed upload is smaller than the minimum allowed object size."),
    "metadata_too_large": (400, 10012, "Your metadata headers exceed the maximum allowed metadata size."),
    "name": (400, 10020, "The specified object name is not valid."),
    "max_keys": (400, 10022, "MaxKeys params must be positive integer <= 1000."),
    "no_such_upload": (400, 10024, "The specified multipart upload does not exist."),
    "part": (400, 10025, "One or more of the specified parts could not be found."),
    "argument": (400, 10029, "Metadata missing or invalid"),
    "precondition": (412, 10031, "At least one of the pre-conditions you specified did not hold."),
    "digest": (400, 10037, "The {0} checksum you specified did not match what we received."),
    "range": (416, 10039, "The requested range is not satisfiable"),
    "upload": (500, 10048, "There was a problem with the multipart upload."),
    "too_large": (400, 100100, "Your proposed upload exceeds the maximum allowed object size."),
}


class R2Refused(Exception):
    """A request that R2 answers with an error."""

    def __init__(self, name: str, *values: str, more: str = "") -> None:
        self.status, self.code, text = _REFUSALS[name]
        self.text = text.format(*values) + more
        super().__init__(self.text)


def check_key(key: str) -> bytes:
    """A key as bytes: at most 1024 of them."""
    data = key.encode()
    if len(data) > _MAX_KEY_BYTES:
        raise R2Refused("name")
    return data


def check_limit(limit: int | None) -> int:
    """How many keys a list may have."""
    if limit is None:
        return MAX_LIST_KEYS
    if not 1 <= limit <= MAX_LIST_KEYS:
        raise R2Refused("max_keys")
    return limit


def check_metadata(custom: Mapping[str, str]) -> None:
    """Names and values of a handler's own metadata; a text with other letters than Latin's counts twice."""
    texts = [text for entry in custom.items() for text in entry]
    if sum(len(text) * (1 if all(ord(letter) < 256 for letter in text) else 2) for text in texts) > _MAX_METADATA_BYTES:
        raise R2Refused("metadata_too_large")
