"""What R2 answers, as handlers get it: objects with and without their content. Source: workerd, api/r2-bucket."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from paddock.worker.isolate.r2.options import HTTP_HEADERS
from paddock.worker.isolate.web.buffers import ArrayBuffer
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, read
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from paddock.worker.isolate.web.blob import Blob
    from paddock.worker.isolate.web.promise import Promise
    from paddock.worker.isolate.web.response import Response

__all__ = ["Checksums", "GetResult", "HeadResult"]


class HeadResult(JsProxy):
    """An object of a bucket, without its content: `R2Object` in the documentation."""

    def __init__(self, found: object) -> None:
        super().__init__()
        self.key, self.version, self.size, self.etag = (
            read(found, name) for name in ("key", "version", "size", "etag")
        )
        self.httpEtag = f'"{self.etag}"'
        self.checksums = Checksums(read(found, "checksums"))
        self.uploaded = Date.new(read(found, "uploaded"))
        self.httpMetadata = JsObject(_members(found, "httpMetadata"))
        if not is_nullish(expiry := read(self.httpMetadata, "cacheExpiry")):
            self.httpMetadata._put("cacheExpiry", Date.new(expiry))
        self.customMetadata = JsObject(_members(found, "customMetadata"))
        self.storageClass = read(found, "storage_class")
        if not is_nullish(part := read(found, "range")):
            self.range = part

    def writeHttpMetadata(self, headers: object) -> None:
        """Set the headers that `httpMetadata` stands for."""
        if not isinstance(headers, Headers):
            raise type_error(
                "Failed to execute 'writeHttpMetadata' on 'HeadResult': parameter 1 is not of type 'Headers'."
            )
        for name, header in HTTP_HEADERS.items():
            value = read(self.httpMetadata, name)
            if isinstance(value, Date):
                headers.set(header, formatdate(value.getTime() / 1000, usegmt=True))
            elif not is_nullish(value):
                headers.set(header, js_string(value))


class GetResult(HeadResult):
    """An object with its content: `R2ObjectBody` in the documentation."""

    def __init__(self, found: object, response: Response) -> None:
        super().__init__(found)
        self._response = response

    @property
    def body(self) -> object:
        return self._response.body

    @property
    def bodyUsed(self) -> bool:
        return self._response.bodyUsed

    def text(self) -> Promise[str]:
        return self._response.text()

    def json(self) -> Promise[object]:
        found: Any = self._response.json()
        return found  # type: ignore[no-any-return]  # the class of responses has another json

    def arrayBuffer(self) -> Promise[ArrayBuffer]:
        return self._response.arrayBuffer()

    def bytes(self) -> object:
        return self._response.bytes()

    def blob(self) -> Promise[Blob]:
        return self._response.blob()


class Checksums(JsProxy):
    """Hashes of an object as buffers; as JSON they are hexadecimal."""

    def __init__(self, found: object) -> None:
        super().__init__()
        self._hex = {name: js_string(value) for name, value in _members_of(found).items()}
        for name, value in self._hex.items():
            setattr(self, name, ArrayBuffer.over(bytearray.fromhex(value)))

    def toJSON(self) -> JsObject:
        return JsObject(self._hex)


def _members(found: object, name: str) -> dict[str, object]:
    return _members_of(read(found, name))


def _members_of(value: object) -> dict[str, object]:
    return dict(value._members()) if isinstance(value, JsObject) else {}
