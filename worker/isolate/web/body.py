"""The body that requests and responses share.

Source: Fetch standard, "Body mixin"; workerd, api/http `Body::extractBody`. PW-046 to PW-049, PW-065, PW-066, PW-084,
PW-088 to PW-090.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar

from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.buffers import ArrayBuffer, JsBuffer, TypedArray, uint8_array
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.formdata import FormData
from paddock.worker.isolate.web.multipart import boundary_of, decode_multipart, encode_multipart
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, null
from paddock.worker.isolate.web.promise import Promise, fulfilled, rejected, start
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes
from paddock.worker.isolate.web.text import js_string, utf8
from paddock.worker.isolate.web.url import URLSearchParams, decode_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.isolate.web.headers import Headers
    from paddock.worker.isolate.web.streams import ByteSource

__all__ = ["Body", "Content", "Extracted", "extract"]

#: What a body is made of: nothing, bytes that are all there, or a stream.
Content: TypeAlias = bytes | ReadableStream | None

_T = TypeVar("_T")

_USED: Final = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice."
_LOCKED: Final = "This ReadableStream is currently locked to a reader."


#: Python's bytes, in a class that has a method of that name.
_Bytes: TypeAlias = bytes


class Extracted(NamedTuple):
    """A body and the content type that it brings along; "" where it brings none."""

    content: Content
    content_type: str = ""


class Body(JsProxy):
    """Reads a body once. Known bytes stay bytes until a handler asks for the stream."""

    _bytes: bytes | None
    _stream: ReadableStream | None
    _is_used: bool
    _headers: Headers

    def _take_content(self, content: Content) -> None:
        self._bytes = content if isinstance(content, bytes) else None
        self._stream = content if isinstance(content, ReadableStream) else None
        self._is_used = False

    def _take_wire_body(self, body: bytes | ByteSource | None) -> None:
        self._take_content(body if body is None or isinstance(body, bytes) else ReadableStream.from_source(body))

    @property
    def headers(self) -> Headers:
        return self._headers

    def header_pairs(self) -> list[tuple[str, str]]:
        """The headers as sent."""
        return self._headers.header_pairs()

    @property
    def body(self) -> object:
        """The body as a stream; null where there is none."""
        if self._stream is None and self._bytes is not None:
            self._stream = ReadableStream.of_bytes(self._bytes)
            if self._is_used:
                self._stream._cancel(None)
        return null() if self._stream is None else self._stream

    @property
    def bodyUsed(self) -> bool:
        return self._is_used or (self._stream is not None and self._stream._is_disturbed)

    def payload(self) -> Content:
        """The body for sending: bytes where they are known, else the stream. Raises where it was used; uses it."""
        if self._bytes is None and self._stream is None:
            return None
        self._check_unused()
        self._is_used = True
        return self._stream if self._bytes is None else self._bytes

    def text(self) -> Promise[str]:
        return self._consumed(_text)

    def json(self) -> Promise[object]:
        """The value of a JSON body; rejects with a SyntaxError where it is none."""
        return self._consumed(lambda data: jsonvalue.parse(_text(data)))

    def arrayBuffer(self) -> Promise[ArrayBuffer]:
        return self._consumed(lambda data: ArrayBuffer.over(bytearray(data)))

    def bytes(self) -> Promise[TypedArray]:
        return self._consumed(lambda data: uint8_array(bytearray(data)))

    def blob(self) -> Promise[Blob]:
        content_type = self._content_type()
        return self._consumed(lambda data: Blob.of(data, content_type))

    def formData(self) -> Promise[FormData]:
        """The form of a multipart or urlencoded body; rejects with a TypeError for other content types."""
        content_type = self._content_type()
        return self._consumed(lambda data: _form(data, content_type))

    def _content_type(self) -> str:
        return js_string(self._headers.get("content-type") or "")

    def _check_unused(self) -> None:
        if self.bodyUsed:
            raise type_error(_USED)
        if self._stream is not None and self._stream.locked:
            raise type_error(_LOCKED)

    def _consumed(self, convert: Callable[[_Bytes], _T]) -> Promise[_T]:
        """A promise for the whole body, converted."""
        try:
            content = self.payload()
            if not isinstance(content, ReadableStream):
                return fulfilled(convert(content or b""))
        except Exception as error:  # reported as JavaScript does: by the promise
            return rejected(error)

        async def drained(stream: ReadableStream) -> _T:
            return convert(b"".join([piece async for piece in iterate_bytes(stream)]))

        return start(drained(content))

    def _cloned_content(self) -> Content:
        """The content for a copy; a stream is split in two."""
        self._check_unused()
        if self._bytes is not None or self._stream is None:
            return self._bytes
        self._stream, copy = self._stream.tee()  # type: ignore[assignment]  # an array of two streams
        return copy  # type: ignore[return-value]  # the second of them


def extract(value: object) -> Extracted:
    """The body that a value makes, and its default content type (PW-065, PW-066, PW-088 to PW-090)."""
    match value:
        case ReadableStream():
            if value._is_disturbed:
                raise type_error("This ReadableStream is disturbed (has already been read from), and cannot be used as "
                                 "a body.")  # fmt: skip
            if value.locked:
                raise type_error(_LOCKED)
            return Extracted(value)
        case JsBuffer():
            return Extracted(value.to_bytes())
        case JsArray():
            return Extracted(ReadableStream.from_(value))
        case Blob():
            return Extracted(value._data, value.type)
        case FormData():
            data, boundary = encode_multipart(value)
            return Extracted(data, f"multipart/form-data; boundary={boundary}")
        case URLSearchParams():
            return Extracted(value.toString().encode(), "application/x-www-form-urlencoded;charset=UTF-8")
    if is_nullish(value):
        return Extracted(None)
    return Extracted(utf8(js_string(value)), "text/plain;charset=UTF-8")


def _text(data: bytes) -> str:
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _form(data: bytes, content_type: str) -> FormData:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return decode_multipart(data, boundary_of(content_type))
    if kind == "application/x-www-form-urlencoded":
        return FormData.of(decode_form(data.decode("utf-8", "replace")))
    raise type_error("Unrecognized Content-Type header value. FormData can only parse the following MIME types: "
                     "multipart/form-data, application/x-www-form-urlencoded")  # fmt: skip
