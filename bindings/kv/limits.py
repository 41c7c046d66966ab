"""What KV refuses, and in which words: limits as data, one check for each kind of request.

Source: developer docs, "KV limits"; Miniflare, workers/kv, whose texts a handler reads in its exceptions as
`KV PUT failed: 413 Value length of ...`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from paddock.bindings.binding import FetchResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_BULK_BYTES",
    "MAX_BULK_KEYS",
    "MAX_LIST_KEYS",
    "MAX_VALUE_BYTES",
    "Refused",
    "check_bulk",
    "check_cache_ttl",
    "check_key",
    "check_key_length",
    "check_list_limit",
    "check_metadata",
    "expiration_of",
    "is_json",
]

_MAX_KEY_BYTES: Final = 512
MAX_VALUE_BYTES: Final = 25 * 1024 * 1024
_MAX_METADATA_BYTES: Final = 1024
MAX_LIST_KEYS: Final = 1000
MAX_BULK_KEYS: Final = 100
MAX_BULK_BYTES: Final = 25 * 1024 * 1024
_MIN_EXPIRATION_S: Final = 60
_MIN_CACHE_TTL_S: Final = 30


class Refused(Exception):
    """A request that KV answers with an error: its status, and a text that is reason phrase and body at once."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    def response(self) -> FetchResponse:
        """The error on the wire: workerd shows its status and its reason phrase."""
        headers = (("content-type", "text/plain;charset=UTF-8"),)
        return FetchResponse(self.status, headers, self.text.encode(), self.text)


def check_key(key: bytes) -> None:
    """Keys are 1 to 512 bytes of UTF-8, and no dots that a path would swallow."""
    if not key:
        raise Refused(400, "Key names must not be empty")
    if key in (b".", b".."):
        raise Refused(400, f'Illegal key name "{key.decode()}". Please use a different name.')
    check_key_length(key)


def check_key_length(key: bytes) -> None:
    """For keys and for prefixes, which may be empty."""
    if len(key) > _MAX_KEY_BYTES:
        raise Refused(414, f"UTF-8 encoded length of {len(key)} exceeds key length limit of {_MAX_KEY_BYTES}.")


def check_cache_ttl(text: str | None) -> None:
    """Nothing is cached here, but what production refuses is refused."""
    if text is not None and ((seconds := _integer(text)) is None or seconds < _MIN_CACHE_TTL_S):
        shown = "NaN" if seconds is None else seconds
        raise Refused(400, f"Invalid cache_ttl of {shown}. Cache TTL must be at least {_MIN_CACHE_TTL_S}.")


def check_metadata(text: str | None) -> None:
    """Metadata is JSON of at most 1024 bytes."""
    if text is None:
        return
    if (size := len(text.encode())) > _MAX_METADATA_BYTES:
        raise Refused(413, f"Metadata length of {size} exceeds limit of {_MAX_METADATA_BYTES}.")
    if not is_json(text):
        raise Refused(400, "Metadata must be JSON.")


def check_list_limit(text: str | None) -> int:
    """How many keys a page of a list may have."""
    if text is None:
        return MAX_LIST_KEYS
    limit = _integer(text)
    if limit is None or limit < 1:
        shown = "NaN" if limit is None else limit
        raise Refused(400, f"Invalid key_count_limit of {shown}. Please specify an integer greater than 0.")
    if limit > MAX_LIST_KEYS:
        raise Refused(400, f"Invalid key_count_limit of {limit}. Please specify an integer less than {MAX_LIST_KEYS}.")
    return limit


def check_bulk(keys: Sequence[str], kind: str | None) -> None:
    """Several keys at once come as text or JSON, at most 100 of them."""
    if kind not in (None, "", "text", "json"):
        raise Refused(400, f'"{kind}" is not a valid type. Use "json" or "text"')
    if len(keys) > MAX_BULK_KEYS:
        raise Refused(400, f"You can request a maximum of {MAX_BULK_KEYS} keys")
    if not keys:
        raise Refused(400, "You must request a minimum of 1 key")


def expiration_of(ttl: str | None, moment: str | None, now_s: int) -> int | None:
    """When a value expires, in seconds since 1970; None for never. A TTL goes before a moment."""
    if ttl is not None:
        seconds = _integer(ttl)
        if seconds is None or seconds <= 0:
            raise Refused(400, f"Invalid expiration_ttl of {ttl}. Please specify integer greater than 0.")
        if seconds < _MIN_EXPIRATION_S:
            raise Refused(400, f"Invalid expiration_ttl of {ttl}. Expiration TTL must be at least {_MIN_EXPIRATION_S}.")
        return now_s + seconds
    if moment is None:
        return None
    expiration = _integer(moment)
    if expiration is None or expiration <= now_s:
        raise Refused(
            400,
            f"Invalid expiration of {moment}. "
            "Please specify integer greater than the current number of seconds since the UNIX epoch.",
        )
    if expiration < now_s + _MIN_EXPIRATION_S:
        raise Refused(
            400,
            f"Invalid expiration of {moment}. "
            f"Expiration times must be at least {_MIN_EXPIRATION_S} seconds in the future.",
        )
    return expiration


def is_json(text: str | bytes) -> bool:
    """Whether JavaScript's JSON.parse would take a text."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _integer(text: str) -> int | None:
    """The leading integer of a text, as JavaScript's parseInt reads it; None for NaN."""
    match = re.match(r"\s*([+-]?[0-9]{1,18})", text)
    return int(match[1]) if match else None
