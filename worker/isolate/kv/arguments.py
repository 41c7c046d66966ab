"""What handlers give to KV: keys, options and values, checked and converted as workerd does before it asks.

Source: workerd, api/kv.c++ and jsg/value.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsObject, is_nullish, read
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.text import js_string, number, utf8

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["checked_key", "content", "get_options", "int32"]

_MAX_KEY_BYTES: Final = 512
_INT32: Final = range(-(2**31), 2**31)


def checked_key(method: str, name: object) -> str:
    """A key as it stands in a URL. Raises for those that production refuses before it asks."""
    text = js_string(name)
    key = utf8(text)
    if not key:
        raise type_error("Key name cannot be empty.")
    if text in (".", ".."):
        raise type_error(f'"{text}" is not allowed as a key name.')
    if len(key) > _MAX_KEY_BYTES:
        raise JsException(
            "Error",
            f"KV {method} failed: 414 UTF-8 encoded length of {len(key)} exceeds key length limit of {_MAX_KEY_BYTES}.",
        )
    return quote(key, safe="!~*'()")


def get_options(options: object) -> tuple[str | None, int | None]:
    """Type and cacheTtl, given as an object or as the type alone."""
    if is_nullish(options):
        return None, None
    if not isinstance(options, JsObject | dict):
        return js_string(options), None
    kind, cache_ttl = read(options, "type"), read(options, "cacheTtl")
    return None if kind is None else js_string(kind), None if cache_ttl is None else int32(cache_ttl)


def content(body: object, headers: MutableMapping[str, str]) -> object:
    """What a value is sent as; its length and type go into the headers. Raises a TypeError for other objects."""
    if isinstance(body, ReadableStream):
        return body
    if isinstance(body, JsBuffer):
        headers["content-length"] = str(len(body._view()))
        return body
    if isinstance(body, str | int | float) or is_nullish(body):
        text = js_string(body)
        headers["content-type"] = "text/plain;charset=UTF-8"
        headers["content-length"] = str(len(utf8(text)))
        return text
    raise type_error("KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.")


def int32(value: object) -> int:
    """A value as workerd's `int`: no number is 0, fractions are cut. Raises a TypeError outside of 32 bits."""
    try:
        found = float(value) if isinstance(value, int | float | str) and value != "" else 0.0
    except ValueError:
        found = 0.0
    if found != found or found in (float("inf"), float("-inf")):
        found = 0.0
    whole = int(number(found))
    if whole not in _INT32:
        raise type_error(f"Value out of range. Must be between {_INT32.start} and {_INT32.stop - 1} (inclusive).")
    return whole
