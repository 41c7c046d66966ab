"""`caches`: responses kept by their requests, in the memory of the isolate.

Source: developer docs, "Cache"; workerd, api/cache. Production keeps them in one data centre and may drop any of them
at any time; here they go with their isolate, that is with the next save of the handler, and the oldest ones go when
together they would take more than 32 MiB.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import require_request
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CACHES", "Cache", "CacheStore"]

_MOST_BYTES: Final = 32 * 2**20
_LONGEST_NAME: Final = 1024
#: Seconds for which a response is good that says nothing about it. Source: developer docs, "Edge TTL".
_DEFAULT_S: Final = {200: 7200, 301: 7200, 302: 1200, 303: 1200, 404: 180, 410: 180}
_DIRECTIVE: Final = re.compile(r'([a-z-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,]*)))?')


class _Entry(NamedTuple):
    status: int
    status_text: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    good_until: float


class CacheStore:
    """Entries of all caches. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most_bytes: int = _MOST_BYTES) -> None:
        self.clock, self.most_bytes = clock, most_bytes
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._bytes = 0
        #: Called before something is kept.
        self.on_keep: Callable[[], None] = lambda: None

    def clear(self) -> None:
        """Forget all entries."""
        self._entries.clear()
        self._bytes = 0

    def find(self, cache: str, url: str) -> _Entry | None:
        """An entry that is still good."""
        entry = self._entries.get((cache, url))
        if entry is None or entry.good_until <= self.clock():
            self.remove(cache, url)
            return None
        self._entries.move_to_end((cache, url))
        return entry

    def keep(self, cache: str, url: str, entry: _Entry) -> None:
        """Keep an entry in place of an older one; what is too large alone is not kept."""
        self.on_keep()
        self.remove(cache, url)
        if len(entry.body) > self.most_bytes:
            return
        self._entries[cache, url] = entry
        self._bytes += len(entry.body)
        while self._bytes > self.most_bytes:
            self._bytes -= len(self._entries.popitem(last=False)[1].body)

    def remove(self, cache: str, url: str) -> bool:
        """Whether there was such an entry."""
        entry = self._entries.pop((cache, url), None)
        self._bytes -= 0 if entry is None else len(entry.body)
        return entry is not None


class Cache(JsProxy, metaclass=JsClass):
    """One cache: `caches.default`, or one by its name."""

    def __init__(self) -> None:
        raise type_error("Illegal constructor")

    @classmethod
    def named(cls, name: str, store: CacheStore) -> Cache:
        """The cache of a name in a store; the default one has the name ""."""
        cache = cls.__new__(cls)
        cache._name, cache._store = name, store
        return cache

    _name: str
    _store: CacheStore

    @promised
    async def match(self, resource: object, options: object = None) -> Response | None:
        """The response kept for a URL or a Request; undefined where there is none."""
        request = _keyed(resource)
        if request.method != "GET" and not read(options, "ignoreMethod"):
            return None
        entry = self._store.find(self._name, request.url)
        return None if entry is None else _answer(request, entry)

    @promised
    async def put(self, resource: object, response: object) -> None:
        """Keep a response for as long as its headers say. Its body is used by that."""
        request = _keyed(resource)
        if not isinstance(response, Response):
            raise type_error("Failed to execute 'put' on 'Cache': parameter 2 is not of type 'Response'.")
        _check(request, response)
        headers, seconds = _lifetime(response)
        body = await self._body(response)
        if seconds > 0 and body is not None:
            entry = _Entry(response.status, response.statusText, headers, body, self._store.clock() + seconds)
            self._store.keep(self._name, request.url, entry)

    @promised
    async def delete(self, resource: object, options: object = None) -> bool:
        """Let a response go; whether there was one."""
        request = _keyed(resource)
        if request.method != "GET" and not read(options, "ignoreMethod"):
            return False
        return self._store.remove(self._name, request.url)

    async def _body(self, response: Response) -> bytes | None:
        """The whole body; None where it is too large to be kept."""
        content = response.payload()
        if not isinstance(content, ReadableStream):
            return content or b""
        body, is_whole = bytearray(), True
        async for piece in iterate_bytes(content):
            is_whole = is_whole and len(body) + len(piece) <= self._store.most_bytes
            body += piece if is_whole else b""
        return bytes(body) if is_whole else None


class _CacheStorage(JsProxy):
    """`js.caches`."""

    _js_name = "CacheStorage"

    def __init__(self) -> None:
        self._store = CacheStore()
        self._default = Cache.named("", self._store)

    @property
    def default(self) -> Cache:
        return self._default

    @promised
    async def open(self, name: object) -> Cache:
        """The cache of a name."""
        text = js_string(name)
        if len(text) >= _LONGEST_NAME:
            raise type_error("Cache name is too long.")
        return Cache.named(f"named:{text}", self._store)


#: The object that handlers import.
CACHES: Final = _CacheStorage()


def _keyed(resource: object) -> Request:
    """The request that a response is kept under."""
    require_request()
    return resource if isinstance(resource, Request) else Request.new(resource)


def _check(request: Request, response: Response) -> None:
    if response.type == "error":
        raise type_error("Cache is unable to store an error response")
    if not is_nullish(response.webSocket):
        raise type_error("Cannot cache WebSocket upgrade response.")
    if request.method != "GET":
        raise type_error("Cannot cache response to non-GET request.")
    if response.status == 206:
        raise type_error("Cannot cache response to a range request (206 Partial Content).")
    if "*" in js_string(response.headers.get("vary") or ""):
        raise type_error("Cannot cache response with 'Vary: *' header.")


def _lifetime(response: Response) -> tuple[tuple[tuple[str, str], ...], float]:
    """The headers to keep, and for how many seconds; 0 for a response that must not be kept."""
    headers = tuple(response.header_pairs())
    directives = {
        match[1]: match[2] or match[3] or ""
        for match in _DIRECTIVE.finditer(js_string(response.headers.get("cache-control") or "").lower())
    }
    if response.headers.has("set-cookie"):
        if "set-cookie" not in directives.get("private", ""):
            return headers, 0
        headers = tuple(pair for pair in headers if pair[0] != "set-cookie")
    elif "private" in directives:
        return headers, 0
    if {"no-store", "no-cache"} & directives.keys():
        return headers, 0
    for name in ("s-maxage", "max-age"):
        if directives.get(name, "").isdecimal():
            return headers, int(directives[name])
    if response.headers.has("expires"):
        return headers, _seconds_from_now(js_string(response.headers.get("expires")))
    return headers, _DEFAULT_S.get(response.status, 0)


def _seconds_from_now(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except ValueError:
        return 0


def _answer(request: Request, entry: _Entry) -> Response:
    """An entry as the answer to a request, which may have conditions or ask for a part."""
    headers = (*entry.headers, ("cf-cache-status", "HIT"))
    if _is_unchanged(request, dict(entry.headers)):
        return Response.from_parts(304, "Not Modified", headers, None, request.url)
    wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", js_string(request.headers.get("range") or ""))
    if wanted is None or entry.status != 200 or not (wanted[1] or wanted[2]):
        return Response.from_parts(entry.status, entry.status_text, headers, entry.body, request.url)
    size = len(entry.body)
    first = int(wanted[1]) if wanted[1] else max(0, size - int(wanted[2]))
    last = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
    if first > last:
        return Response.from_parts(416, "Range Not Satisfiable", (("content-range", f"bytes */{size}"),), None)
    part = (*((n, v) for n, v in headers if n != "content-length"), ("content-range", f"bytes {first}-{last}/{size}"))
    return Response.from_parts(206, "Partial Content", part, entry.body[first : last + 1], request.url)


def _is_unchanged(request: Request, headers: dict[str, str]) -> bool:
    tags = request.headers.get("if-none-match")
    if not is_nullish(tags):
        own = headers.get("etag", "").removeprefix("W/")
        listed = [tag.strip().removeprefix("W/") for tag in js_string(tags).split(",")]
        return bool(own) and (own in listed or "*" in listed)
    since = request.headers.get("if-modified-since")
    try:
        changed = parsedate_to_datetime(headers["last-modified"])
        return not is_nullish(since) and changed <= parsedate_to_datetime(js_string(since))
    except (KeyError, ValueError, TypeError):
        return False
