"""An R2 bucket as handlers see it. Source: workerd, api/r2-bucket and r2-multipart: checks and texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.r2 import options as given
from paddock.worker.isolate.r2.objects import GetResult, HeadResult
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.buffers import JsBuffer
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, null, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.fetch import Fetcher
    from paddock.worker.isolate.web.response import Response

__all__ = ["R2Bucket", "R2MultipartUpload"]

_URL: Final = "https://r2.paddock.internal/"
_NO_SUCH_KEY: Final = 10007
_PRECONDITION_FAILED: Final = 10031
_PARTS: Final = range(1, 10_001)


class R2Bucket(JsProxy):
    """`env.BUCKET`."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    @promised
    async def head(self, key: object) -> object:
        """An object without its content; null where there is none."""
        response = await self._send("head", {"key": js_string(key)}, missing=_NO_SUCH_KEY)
        return null() if response is None else HeadResult(await response.json())

    @promised
    async def get(self, key: object, options: object = None) -> object:
        """An object with its content; null where there is none, without the content where `onlyIf` does not hold."""
        given.refuse_key(options)
        order = {"key": js_string(key), "only_if": given.condition(options), "range": given.part(options)}
        response = await self._send("get", order, missing=_NO_SUCH_KEY)
        if response is None:
            return null()
        if not response.ok:
            return HeadResult(await response.json())
        return GetResult(jsonvalue.parse(js_string(response.headers.get("cf-r2-object"))), response)

    @promised
    async def put(self, key: object, value: object, options: object = None) -> object:
        """Store an object; null where `onlyIf` does not hold."""
        order = {
            "key": js_string(key),
            "only_if": given.condition(options),
            "checksums": given.checksums(options),
            **_described(options),
        }
        response = await self._send("put", order, _content(value), missing=_PRECONDITION_FAILED)
        return null() if response is None else HeadResult(await response.json())

    @promised
    async def delete(self, keys: object) -> None:
        """Remove an object, or several."""
        names = [js_string(key) for key in keys] if isinstance(keys, JsArray | list) else [js_string(keys)]
        await self._send("delete", {"keys": names})

    @promised
    async def list(self, options: object = None) -> object:
        """An object with `objects`, `truncated`, `cursor` and `delimitedPrefixes`."""
        members = {"prefix": "prefix", "cursor": "cursor", "delimiter": "delimiter", "startAfter": "start_after"}
        order: dict[str, object] = {
            name: js_string(value) for member, name in members.items() if not is_nullish(value := read(options, member))
        }
        if isinstance(limit := read(options, "limit"), int | float):
            order["limit"] = int(limit)
        if isinstance(include := read(options, "include"), Iterable):
            order["include"] = [js_string(name) for name in include]
        response = await self._send("list", order)
        assert response is not None, "nothing is missing in a list"
        found = await response.json()
        objects = JsArray(map(HeadResult, _items(read(found, "objects"))))
        answer = JsObject({"objects": objects, "truncated": read(found, "truncated")})
        if not is_nullish(cursor := read(found, "cursor")):
            answer._put("cursor", cursor)
        answer._put("delimitedPrefixes", JsArray(_items(read(found, "prefixes"))))
        return answer

    @promised
    async def createMultipartUpload(self, key: object, options: object = None) -> object:
        """A new upload in parts."""
        response = await self._send("createMultipartUpload", {"key": js_string(key), **_described(options)})
        assert response is not None, "nothing is missing for a new upload"
        return R2MultipartUpload(self, js_string(key), js_string(read(await response.json(), "uploadId")))

    def resumeMultipartUpload(self, key: object, upload_id: object) -> R2MultipartUpload:
        """An upload that was begun before; whether it exists is seen when it is used."""
        return R2MultipartUpload(self, js_string(key), js_string(upload_id))

    async def _send(
        self, action: str, order: Mapping[str, object], body: object = None, *, missing: int | None = None
    ) -> Response | None:
        """The answer of the bucket; None for the error with the number `missing`. Raises JsException for others."""
        head = json.dumps({"type": action, **{name: value for name, value in order.items() if value is not None}})
        init = JsObject({"method": "POST", "headers": JsObject({"cf-r2-request": head})})
        if body is not None:
            init._put("body", body)
        response: Response = await self._fetcher.fetch(_URL, init)
        if is_nullish(header := response.headers.get("cf-r2-error")):
            return response
        error = jsonvalue.parse(js_string(header))
        if read(error, "v4code") == missing:
            return None
        raise JsException("Error", f"{action}: {read(error, 'message')} ({read(error, 'v4code')})")


class R2MultipartUpload(JsProxy):
    """An object that is sent in parts, which nobody sees before they are complete."""

    def __init__(self, bucket: R2Bucket, key: str, upload_id: str) -> None:
        super().__init__()
        self._bucket = bucket
        self.key = key
        self.uploadId = upload_id

    @promised
    async def uploadPart(self, number: object, value: object, options: object = None) -> object:
        """Send one part: an object with `partNumber` and `etag`, which `complete` wants back."""
        part = int(number) if isinstance(number, int | float) else 0
        if part not in _PARTS:
            raise type_error(
                f"Part number must be between 1 and {_PARTS[-1]} (inclusive). Actual value was: {js_string(number)}"
            )
        order: dict[str, object] = {"key": self.key, "upload": self.uploadId, "number": part}
        response = await self._bucket._send("uploadPart", order, _content(value))
        assert response is not None, "nothing is missing for a part"
        return JsObject({"partNumber": part, "etag": read(await response.json(), "etag")})

    @promised
    async def complete(self, parts: object) -> object:
        """Make the parts an object."""
        sent = [{"number": read(part, "partNumber"), "etag": read(part, "etag")} for part in _items(parts)]
        order: dict[str, object] = {"key": self.key, "upload": self.uploadId, "parts": sent}
        response = await self._bucket._send("completeMultipartUpload", order)
        assert response is not None, "nothing is missing for an object"
        return HeadResult(await response.json())

    @promised
    async def abort(self) -> None:
        """Forget the parts."""
        await self._bucket._send("abortMultipartUpload", {"key": self.key, "upload": self.uploadId})


def _described(options: object) -> dict[str, object]:
    """What belongs to an object beside its content."""
    given.refuse_key(options)
    storage_class = read(options, "storageClass")
    return {
        "http": given.http_metadata(options),
        "custom": given.custom_metadata(options),
        "storage_class": "Standard" if is_nullish(storage_class) else js_string(storage_class),
    }


def _content(value: object) -> object:
    """What a value is sent as. Raises a TypeError for what is no content."""
    if is_nullish(value):
        return ""
    if isinstance(value, str | ReadableStream | JsBuffer | Blob):
        return value
    raise type_error(
        "Failed to execute 'put' on 'R2Bucket': parameter 2 is not of type 'ReadableStream or ArrayBuffer or "
        "ArrayBufferView or string or null or Blob'."
    )


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, Iterable) else []
