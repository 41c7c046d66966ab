"""The R2 binding: `[[r2_buckets]]` in the configuration, `env.NAME` in the handler.

An operation is a JSON object in the header `cf-r2-request` (orders.py), a content is the body. The answer to `get` is
the content, with the object in the header `cf-r2-object`; all others answer with JSON. Errors have their number and
text in `cf-r2-error`, as in workerd. Headers hold JSON in ASCII.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import sqlite3
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from paddock.bindings.binding import FetchResponse
from paddock.bindings.r2 import orders
from paddock.bindings.r2.blobs import FileSource, receive
from paddock.bindings.r2.refusals import R2Refused, check_key, check_limit, check_metadata
from paddock.bindings.r2.store import R2Store

if TYPE_CHECKING:
    from paddock.bindings.binding import BindingContext, FetchRequest
    from paddock.bindings.r2.objects import R2Object

__all__ = ["R2Binding", "R2Settings"]

logger = logging.getLogger(__name__)

#: With metadata, production may list fewer objects; Miniflare takes this for the most.
_MAX_WITH_METADATA: Final = 100


class R2Settings(msgspec.Struct, frozen=True):
    """What the configuration says of an R2 binding: the name of its bucket, which bindings may share."""

    bucket: str


class R2Binding:
    """One bucket."""

    kind: ClassVar[str] = "r2"

    def __init__(self, store: R2Store) -> None:
        self._store = store

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The bucket that `context.settings` names, in its folder below `r2/` of the state folder."""
        settings, state = context.settings, context.state
        assert isinstance(settings, R2Settings), "the configuration's reader makes these"
        name = state.file_name(settings.bucket, "")
        return cls(R2Store(lambda *place: state.file("r2", name, *place)))

    async def close(self) -> None:
        """Close the bucket's file."""
        await self._store.close()

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Answer one operation."""
        try:
            order = msgspec.json.decode(request.header("cf-r2-request") or "", type=orders.Order)
            return await self._answer(order, request)
        except msgspec.DecodeError as error:
            return _refusal(R2Refused("argument", more=f" ({error})"))
        except R2Refused as refused:
            return _refusal(refused)
        except (sqlite3.Error, OSError) as error:
            logger.error("r2_failed %s", error)
            return _refusal(R2Refused("internal", more=f" ({error})"))

    async def _answer(self, order: orders.Order, request: FetchRequest) -> FetchResponse:
        match order:
            case orders.Head():
                return _json(_shown(await self._store.head(order.key)))
            case orders.Get():
                return await self._get(order)
            case orders.Put():
                return await self._put(order, request)
            case orders.Delete():
                await self._store.delete([check_key(key) for key in order.keys])
                return _json({})
            case orders.List():
                return await self._list(order)
            case orders.Create():
                check_metadata(order.custom)
                return _json({"uploadId": await self._store.create(order)})
            case orders.Part():
                check_key(order.key)
                blob = await receive(request, self._store.folder())
                try:
                    return _json({"etag": await self._store.part(order, blob)})
                except BaseException:
                    blob.discard()
                    raise
            case orders.Complete():
                return _json(_shown(await self._store.complete(order)))
            case orders.Abort():
                await self._store.abort(check_key(order.key), order.upload)
                return _json({})

    async def _get(self, order: orders.Get) -> FetchResponse:
        found, file, offset, length = await self._store.get(order)
        shown = _shown(found) | {"range": {"offset": offset, "length": length}}
        if file is None:
            return _json(shown, 412)
        head = (("cf-r2-object", json.dumps(shown)), ("content-length", str(length)))
        return FetchResponse(200, head, FileSource(file, offset, length))

    async def _put(self, order: orders.Put, request: FetchRequest) -> FetchResponse:
        check_key(order.key)
        check_metadata(order.custom)
        blob = await receive(request, self._store.folder(), order.checksums)
        try:
            return _json(_shown(await self._store.put(order, blob)))
        except BaseException:
            blob.discard()
            raise

    async def _list(self, order: orders.List) -> FetchResponse:
        limit = check_limit(order.limit)
        limit = min(limit, _MAX_WITH_METADATA) if order.include else limit
        after = max((order.start_after or "").encode(), _position(order.cursor))
        page = await self._store.page(order, limit, after)
        objects = [_shown(found, order.include) for found in page.objects]
        answer: dict[str, object] = {
            "objects": objects,
            "prefixes": page.prefixes,
            "truncated": page.cursor is not None,
        }
        if page.cursor is not None:
            answer["cursor"] = base64.b64encode(page.cursor).decode()
        return _json(answer)


def _position(cursor: str | None) -> bytes:
    """The key that a cursor stands for: the last one of the page before."""
    try:
        return base64.b64decode(cursor or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise R2Refused("argument") from error


def _shown(found: R2Object, include: list[str] | None = None) -> dict[str, object]:
    """An object as the isolate gets it; a list leaves out what it was not told to include."""
    shown: dict[str, object] = {
        name: getattr(found, name)
        for name in ("key", "version", "size", "etag", "uploaded", "checksums", "storage_class")
    }
    for name, member in (("httpMetadata", found.http), ("customMetadata", found.custom)):
        shown[name] = member if include is None or name in include else {}
    return shown


def _json(value: object, status: int = 200) -> FetchResponse:
    return FetchResponse(status, (("content-type", "application/json"),), msgspec.json.encode(value))


def _refusal(refused: R2Refused) -> FetchResponse:
    error = json.dumps({"v4code": refused.code, "message": refused.text})
    return FetchResponse(refused.status, (("cf-r2-error", error),))
