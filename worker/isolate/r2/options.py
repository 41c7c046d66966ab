"""Options that handlers give to R2, as the binding takes them. Source: workerd, api/r2-bucket: checks and texts."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Final

from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import JsException, range_error, type_error
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, read
from paddock.worker.isolate.web.text import js_string, number

__all__ = ["HTTP_HEADERS", "checksums", "condition", "custom_metadata", "http_metadata", "part", "refuse_key"]

#: Member of `httpMetadata` -> header that it stands for.
HTTP_HEADERS: Final = {
    "contentType": "content-type",
    "contentLanguage": "content-language",
    "contentDisposition": "content-disposition",
    "contentEncoding": "content-encoding",
    "cacheControl": "cache-control",
    "cacheExpiry": "expires",
}
#: Option -> hexadecimal digits of the hash, and its name in texts.
_HASHES: Final = {
    "md5": (32, "MD5"), "sha1": (40, "SHA-1"), "sha256": (64, "SHA-256"), "sha384": (96, "SHA-384"),
    "sha512": (128, "SHA-512"),
}  # fmt: skip
_RANGE: Final = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


def refuse_key(options: object) -> None:
    """Raise for a key of the handler's own that the content is to be encrypted with."""
    if not is_nullish(read(options, "ssecKey")):
        raise JsException("Error", "Paddock does not encrypt objects: ssecKey is not served. Leave it out here.")


def http_metadata(options: object) -> dict[str, object]:
    """`httpMetadata`, an object or Headers. A time is in milliseconds since 1970."""
    given = read(options, "httpMetadata")
    found: dict[str, object] = {}
    for name, header in HTTP_HEADERS.items():
        value = given.get(header) if isinstance(given, Headers) else read(given, name)
        if is_nullish(value):
            continue
        found[name] = js_string(value) if name != "cacheExpiry" else _time(value, "cacheExpiry")
    return found


def custom_metadata(options: object) -> dict[str, str]:
    """`customMetadata`: texts by name."""
    given = read(options, "customMetadata")
    members = given if isinstance(given, dict) else given._members() if isinstance(given, JsProxy) else {}
    return {str(name): js_string(value) for name, value in members.items()}


def condition(options: object) -> dict[str, object] | None:
    """`onlyIf`, an object or the headers of a conditional request; None where there is none."""
    given = read(options, "onlyIf")
    if is_nullish(given):
        return None
    found: dict[str, object] = {}
    is_headers = isinstance(given, Headers)
    tags = (("etag_matches", "etagMatches", "if-match"), ("etag_does_not_match", "etagDoesNotMatch", "if-none-match"))
    for name, member, header in tags:
        value = given.get(header) if isinstance(given, Headers) else read(given, member)
        if not is_nullish(value):
            found[name] = [tag.strip() for tag in js_string(value).split(",")] if is_headers else [js_string(value)]
    times = (
        ("uploaded_before", "uploadedBefore", "if-unmodified-since"),
        ("uploaded_after", "uploadedAfter", "if-modified-since"),
    )
    for name, member, header in times:
        value = given.get(header) if isinstance(given, Headers) else read(given, member)
        if not is_nullish(value):
            found[name] = _time(value, member)
    found["seconds"] = is_headers or bool(read(given, "secondsGranularity"))
    return found


def part(options: object) -> dict[str, int] | None:
    """`range`, an object or the headers of a request; None for all of the object."""
    given = read(options, "range")
    if is_nullish(given):
        return None
    if isinstance(given, Headers):
        return _header_range(given.get("range"))
    offset, length, suffix = (read(given, name) for name in ("offset", "length", "suffix"))
    if not is_nullish(suffix):
        if not is_nullish(offset):
            raise type_error("Suffix is incompatible with offset.")
        if not is_nullish(length):
            raise type_error("Suffix is incompatible with length.")
        return {"suffix": _whole(suffix, "Invalid suffix. Suffix")}
    found = {}
    if not is_nullish(offset):
        found["offset"] = _whole(offset, "Invalid range. Starting offset")
    if not is_nullish(length):
        found["length"] = _whole(length, "Invalid range. Length")
    return found


def checksums(options: object) -> dict[str, str]:
    """The hash that a handler expects, hexadecimal: at most one."""
    found: dict[str, str] = {}
    for name, (digits, shown) in _HASHES.items():
        value = read(options, name)
        if is_nullish(value):
            continue
        if found:
            raise type_error("You cannot specify multiple hashing algorithms.")
        if isinstance(value, JsBuffer):
            data = value.to_bytes()
            if len(data) * 2 != digits:
                raise type_error(f"{shown} is {digits // 2} bytes, not {len(data)}")
            found[name] = data.hex()
            continue
        text = js_string(value)
        if len(text) != digits:
            raise type_error(f"{shown} is {digits} hex characters, not {len(text)}")
        if not re.fullmatch(r"[0-9a-fA-F]*", text):
            raise type_error(f"Provided {shown} wasn't a valid hex string")
        found[name] = text
    return found


def _header_range(value: object) -> dict[str, int] | None:
    """A range as a client asks for it. Several ranges, and what is none, mean all of the object."""
    match = None if is_nullish(value) else _RANGE.fullmatch(js_string(value))
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return {"suffix": int(match[2])}
    first = int(match[1])
    if not match[2]:
        return {"offset": first}
    return {"offset": first, "length": int(match[2]) - first + 1}


def _time(value: object, name: str) -> float:
    """Milliseconds since 1970, of a Date or of the text of a header."""
    if isinstance(value, Date):
        return float(value.getTime())
    if isinstance(value, str):
        try:
            return parsedate_to_datetime(value).timestamp() * 1000
        except ValueError as error:
            raise type_error(f"{name}: expected a date; got {value!r}") from error
    raise type_error(f"Incorrect type for the '{name}' field on 'R2Options': the provided value is not of type 'date'.")


def _whole(value: object, what: str) -> int:
    found = value if isinstance(value, int | float) and not isinstance(value, bool) else 0
    if found < 0:
        raise range_error(f"{what} ({js_string(value)}) must be greater than or equal to 0.")
    if found != int(found):
        kind = "Invalid range" if "suffix" in what else what.partition(".")[0]
        noun = what.rpartition(". ")[2]
        raise range_error(f"{kind}. {noun} ({js_string(value)}) must be an integer, not floating point.")
    return int(number(found))
