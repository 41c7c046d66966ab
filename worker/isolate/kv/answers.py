"""What KV answers, as handlers get it.

Source: workerd, api/kv.c++.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.map import JsMap
from paddock.worker.isolate.web.objects import JsObject, crossing, is_nullish, jsnull, read
from paddock.worker.isolate.web.streams import ReadableStream

if TYPE_CHECKING:
    from paddock.worker.isolate.web.response import Response

__all__ = ["METADATA", "bulk_values", "cache_status", "check_status", "listed", "metadata_of", "typed_value"]

#: The header that metadata travels in, as UTF-8: each byte of it is one character.
METADATA: Final = "cf-kv-metadata"
_MAX_INDEX: Final = 2**32 - 2


def check_status(method: str, response: Response) -> None:
    """Raise for an answer that is an error, with its status and its reason phrase."""
    if not response.ok:
        raise JsException("Error", f"KV {method} failed: {response.status} {response.statusText}")


def cache_status(response: Response) -> object:
    """What a cache says of the answer; null where there is none."""
    status = response.headers.get("cf-cache-status")
    return jsnull if is_nullish(status) else status


def metadata_of(response: Response) -> object:
    """The metadata of a value; null where it has none."""
    header = response.headers.get(METADATA)
    return jsonvalue.parse(header.encode("latin-1").decode()) if isinstance(header, str) else jsnull


async def typed_value(response: Response, kind: str) -> object:
    """A value as the type that was asked for. Raises a TypeError for a type that there is not."""
    match kind:
        case "text":
            return await response.text()
        case "json":
            return await response.json()
        case "arrayBuffer":
            return await response.arrayBuffer()
        case "stream":
            return response.body
    if isinstance(body := response.body, ReadableStream):
        await body.cancel()
    raise type_error('Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".')


async def listed(response: Response) -> JsObject:
    """The answer to a list, with its metadata parsed."""
    answer = jsonvalue.parse(str(await response.text()))
    assert isinstance(answer, JsObject), "the binding answers a list with an object"
    keys = read(answer, "keys")
    assert isinstance(keys, JsArray), "the binding lists keys"
    for entry in keys:
        metadata = read(entry, "metadata")
        if isinstance(entry, JsObject) and isinstance(metadata, str):
            entry._put("metadata", jsonvalue.parse(metadata))
    answer._put("cacheStatus", cache_status(response))
    return answer


async def bulk_values(response: Response) -> JsMap:
    """The answer for several keys as a Map."""
    found = jsonvalue.parse(str(await response.text()))
    assert isinstance(found, JsObject), "the binding answers with an object"
    values = JsMap.new()
    for name, value in found._members().items():
        # workerd walks over the names of an object and skips those that V8 takes for array indexes.
        if not _is_index(name):
            values.set(name, crossing(value))
    return values


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdecimal() and (name == "0" or name[0] != "0") and int(name) <= _MAX_INDEX
