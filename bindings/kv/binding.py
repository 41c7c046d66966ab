"""The KV binding: `[[kv_namespaces]]` in the configuration, `env.NAME` in the handler.

Speaks the wire of workerd's own KV binding: `GET`, `PUT` and `DELETE` of `/<key>?urlencoded=true`, `GET /` for a list,
`POST /bulk/get` for several keys, metadata in the header `CF-KV-Metadata`. Source: workerd, api/kv.c++; Miniflare,
workers/kv. Headers hold UTF-8 as HTTP carries it: each byte is one character.
"""

from __future__ import annotations

import base64
import binascii
import logging
import sqlite3
from typing import TYPE_CHECKING, ClassVar, Final, Self
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit

import msgspec

from paddock.bindings.binding import FetchResponse
from paddock.bindings.kv import limits
from paddock.bindings.kv.bulk import answer_bulk
from paddock.bindings.kv.limits import Refused
from paddock.bindings.kv.received import Received
from paddock.bindings.kv.store import KvStore

if TYPE_CHECKING:
    from paddock.bindings.binding import BindingContext, FetchRequest

__all__ = ["KvBinding", "KvSettings"]

logger = logging.getLogger(__name__)

_METADATA: Final = "cf-kv-metadata"
_BULK: Final = "/bulk/get"


class KvSettings(msgspec.Struct, frozen=True):
    """What the configuration says of a KV binding: the id of its namespace, which bindings may share."""

    namespace: str


class KvBinding:
    """One namespace. What production refuses is refused in its words; expired keys are gone."""

    kind: ClassVar[str] = "kv"

    def __init__(self, store: KvStore) -> None:
        self._store = store

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The namespace that `context.settings` names, in its file below `kv/` of the state folder."""
        settings, state = context.settings, context.state
        assert isinstance(settings, KvSettings), "the configuration's reader makes these"
        name = state.file_name(settings.namespace, ".sqlite")
        return cls(KvStore(lambda: state.file("kv", name)))

    async def close(self) -> None:
        """Close the namespace's file."""
        await self._store.close()

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Answer one request; failures are answers too, with their text as the reason phrase."""
        try:
            return await self._answer(request)
        except Refused as refused:
            return refused.response()
        except (sqlite3.Error, OSError) as error:
            logger.error("kv_failed method=%s %s", request.method, error)
            return Refused(500, str(error)).response()

    async def _answer(self, request: FetchRequest) -> FetchResponse:
        url = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if request.method == "POST" and url.path == _BULK:
            return await answer_bulk(self._store, request)
        if request.method == "GET" and url.path in ("", "/"):
            return await self._list(query)
        key = _key(url.path.removeprefix("/"), query)
        match request.method:
            case "GET":
                return await self._get(key, query)
            case "PUT":
                return await self._put(key, query, request)
            case "DELETE":
                limits.check_key(key)
                await self._store.delete(key)
                return FetchResponse(200)
        raise Refused(405, "Method Not Allowed")

    async def _get(self, key: bytes, query: dict[str, str]) -> FetchResponse:
        limits.check_key(key)
        limits.check_cache_ttl(query.get("cache_ttl"))
        entry = await self._store.get(key)
        if entry is None:
            raise Refused(404, "Not Found")
        headers = [] if entry.expiration is None else [("cf-expiration", str(entry.expiration))]
        if entry.metadata is not None:
            headers.append((_METADATA, entry.metadata.encode().decode("latin-1")))
        return FetchResponse(200, tuple(headers), entry.value)

    async def _put(self, key: bytes, query: dict[str, str], request: FetchRequest) -> FetchResponse:
        limits.check_key(key)
        now_s = int(self._store.now())
        expiration = limits.expiration_of(query.get("expiration_ttl"), query.get("expiration"), now_s)
        metadata = _utf8(request.header(_METADATA))
        limits.check_metadata(metadata)
        received = Received()
        try:
            await received.take(request)
            await self._store.put(key, received.value, expiration, metadata)
        finally:
            received.close()
        return FetchResponse(200)

    async def _list(self, query: dict[str, str]) -> FetchResponse:
        limit = limits.check_list_limit(query.get("key_count_limit"))
        prefix = query.get("prefix", "").encode()
        limits.check_key_length(prefix)
        page = await self._store.list(prefix, _position(query.get("cursor", "")), limit)
        keys = []
        for listed in page.keys:
            # workerd takes metadata as text, and leaves out what is not there.
            fields = {"name": listed.key.decode(), "expiration": listed.expiration, "metadata": listed.metadata}
            keys.append({name: value for name, value in fields.items() if value is not None})
        answer: dict[str, object] = {"keys": keys, "list_complete": page.is_complete}
        if not page.is_complete:
            answer["cursor"] = base64.urlsafe_b64encode(page.keys[-1].key).decode()
        return FetchResponse(200, (("content-type", "application/json"),), msgspec.json.encode(answer))


def _key(segment: str, query: dict[str, str]) -> bytes:
    """The key that a path names."""
    key = unquote_to_bytes(segment) if query.get("urlencoded", "").lower() == "true" else segment.encode()
    try:
        key.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, "Could not URL-decode key name") from error
    return key


def _position(cursor: str) -> bytes:
    """The key that a cursor stands for: the last one of the page before."""
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(400, f"Invalid cursor of {cursor}. Please use the cursor of a list.") from error


def _utf8(header: str | None) -> str | None:
    try:
        return None if header is None else header.encode("latin-1").decode()
    except UnicodeError as error:
        raise Refused(400, "Metadata must be UTF-8.") from error
