"""A KV namespace as handlers see it: what workerd's own class does, over its fetcher.

Source: workerd, api/kv.c++ and kv.h: the checks made before any request, the requests, and the texts of exceptions are
theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from paddock.worker.isolate.kv.answers import (
    METADATA,
    bulk_values,
    cache_status,
    check_status,
    listed,
    metadata_of,
    typed_value,
)
from paddock.worker.isolate.kv.arguments import checked_key, content, get_options, int32
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.objects import JsObject, JsProxy, crossing, is_nullish, jsnull, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.text import js_string, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paddock.worker.isolate.web.fetch import Fetcher
    from paddock.worker.isolate.web.map import JsMap
    from paddock.worker.isolate.web.response import Response

__all__ = ["KvNamespace"]

_ORIGIN: Final = "https://fake-host"  # workerd's
_GONE: Final = (404, 410)


class KvNamespace(JsProxy):
    """The binding: `get`, `getWithMetadata`, `put`, `delete`, `list`."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    @promised
    async def get(self, name: object, options: object = None) -> object:
        """The value of a key, null where there is none; for an array of keys a Map with all of them."""
        if isinstance(name, JsArray | list):
            return await self._bulk(name, options, with_metadata=False)
        value, _, _ = await self._single(name, options)
        return crossing(value)

    @promised
    async def getWithMetadata(self, name: object, options: object = None) -> object:
        """An object with `value`, `metadata` and `cacheStatus`; for an array of keys a Map of such objects."""
        if isinstance(name, JsArray | list):
            return await self._bulk(name, options, with_metadata=True)
        value, metadata, status = await self._single(name, options)
        return JsObject({"value": value, "metadata": metadata, "cacheStatus": status})

    @promised
    async def put(self, name: object, body: object, options: object = None) -> None:
        """Store a value: a string, a buffer, or a stream, which is read to its end by the server."""
        key = checked_key("PUT", name)
        query = {"urlencoded": "true"}
        for option, parameter in (("expiration", "expiration"), ("expirationTtl", "expiration_ttl")):
            if (value := read(options, option)) is not None:
                query[parameter] = str(int32(value))
        headers: dict[str, str] = {}
        metadata = read(options, "metadata")
        if not is_nullish(metadata) and (text := jsonvalue.stringify(metadata)) is not None:
            headers[METADATA] = utf8(text).decode("latin-1")  # each byte of it is one character of a header
        sent = content(body, headers)
        try:
            response = await self._fetch("PUT", f"/{key}", query, headers, sent)
        except Exception:
            _raise_own_error(body)
            raise
        if not response.ok:
            _raise_own_error(body)
        check_status("PUT", response)

    @promised
    async def delete(self, name: object) -> None:
        """Remove a key; one that does not exist is no error."""
        key = checked_key("DELETE", name)
        check_status("DELETE", await self._fetch("DELETE", f"/{key}", {"urlencoded": "true"}))

    @promised
    async def list(self, options: object = None) -> object:
        """Names, expirations and metadata of keys: an object with `keys`, `list_complete` and perhaps `cursor`."""
        query: dict[str, str] = {}
        limit = read(options, "limit")
        if limit is not None and (count := int32(limit)) > 0:
            query["key_count_limit"] = str(count)
        for name in ("prefix", "cursor"):
            if not is_nullish(value := read(options, name)):
                query[name] = js_string(value)
        response = await self._fetch("GET", "/", query)
        check_status("GET", response)
        return await listed(response)

    async def _single(self, name: object, options: object) -> tuple[object, object, object]:
        """Value, metadata and cache status of one key; each is null where there is none."""
        kind, cache_ttl = get_options(options)
        key = checked_key("GET", name)
        query = {"urlencoded": "true"} | ({} if cache_ttl is None else {"cache_ttl": str(cache_ttl)})
        response = await self._fetch("GET", f"/{key}", query)
        status = cache_status(response)
        if response.status in _GONE:
            return jsnull, jsnull, status
        check_status("GET", response)
        metadata = metadata_of(response)
        return await typed_value(response, kind or "text"), metadata, status

    async def _bulk(self, names: Iterable[object], options: object, *, with_metadata: bool) -> JsMap:
        kind, cache_ttl = get_options(options)
        order: dict[str, object] = {"keys": JsArray([js_string(name) for name in names])}
        if kind:
            order["type"] = kind
        if with_metadata:
            order["withMetadata"] = True
        if cache_ttl is not None:
            order["cacheTtl"] = str(cache_ttl)
        text = jsonvalue.stringify(JsObject(order))
        headers = {"content-type": "application/json"}
        response = await self._fetch("POST", "/bulk/get", {}, headers, text)
        check_status("GET_BULK", response)
        return await bulk_values(response)

    async def _fetch(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Response:
        url = _ORIGIN + path
        if query:
            url += "?" + urlencode({name: utf8(value) for name, value in query.items()})
        init = JsObject({"method": method, "headers": JsObject(headers or {})})
        if body is not None:
            init._put("body", body)
        response: Response = await self._fetcher.fetch(url, init)
        return response


def _raise_own_error(body: object) -> None:
    """When a stream broke off, what broke it is the error of the put."""
    if isinstance(body, ReadableStream) and body._state == "errored" and isinstance(body._error, BaseException):
        raise body._error
