"""Several keys in one request: `POST /bulk/get`.

Source: workerd, api/kv.c++ `getBulk`; Miniflare, workers/kv. Values come back in one JSON object, so they are text or
JSON, and 25 MiB at most in all.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.binding import FetchResponse
from paddock.bindings.kv import limits
from paddock.bindings.kv.limits import Refused
from paddock.worker.channel import whole

if TYPE_CHECKING:
    from paddock.bindings.binding import FetchRequest
    from paddock.bindings.kv.store import KvStore

__all__ = ["answer_bulk"]

#: 100 keys of 512 bytes, each byte written as an escape of six characters, and what stands around them.
_MAX_ORDER_BYTES: Final = 512 * 1024


class _Order(msgspec.Struct, frozen=True):
    """The body of the request. workerd sends `cacheTtl` as text."""

    keys: list[str]
    type: str | None = None
    withMetadata: bool = False
    cacheTtl: str | int | None = None


async def answer_bulk(store: KvStore, request: FetchRequest) -> FetchResponse:
    """An object with every key: null where there is no value, else the value, with its metadata if that is wanted."""
    try:
        order = msgspec.json.decode(await request.read(_MAX_ORDER_BYTES), type=_Order)
    except msgspec.DecodeError as error:
        raise Refused(400, f"expected an object with keys: {error}") from error
    limits.check_bulk(order.keys, order.type)
    found: dict[str, object] = {}
    left_bytes = limits.MAX_BULK_BYTES
    for name in order.keys:
        key = name.encode()
        limits.check_key(key)
        limits.check_cache_ttl(None if order.cacheTtl is None else str(order.cacheTtl))
        entry = await store.get(key)
        if entry is None:
            found[name] = None
            continue
        data = await whole(entry.value, partial(_check_total, limit_bytes=left_bytes))
        left_bytes -= len(data)
        value = _value(data, is_json=order.type == "json")
        metadata = None if entry.metadata is None else msgspec.Raw(entry.metadata.encode())
        found[name] = {"value": value, "metadata": metadata} if order.withMetadata else value
    return FetchResponse(200, (("content-type", "application/json"),), msgspec.json.encode(found))


def _value(data: bytes, *, is_json: bool) -> object:
    if not is_json:
        return data.decode("utf-8-sig", "replace")
    if not limits.is_json(data):
        raise Refused(400, "At least one of the requested keys corresponds to a non-json value")
    return msgspec.Raw(data)  # as it was written: numbers keep all their digits


def _check_total(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        total = limits.MAX_BULK_BYTES // 1024 // 1024
        raise Refused(413, f"Total size of request exceeds the limit of {total}MB")
