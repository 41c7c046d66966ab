"""`Blob` and `File`: immutable bytes with a type.

Source: File API. PW-056.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from paddock.worker.isolate.web.buffers import ArrayBuffer, JsBuffer, TypedArray, uint8_array
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.objects import JsProxy, is_nullish, read
from paddock.worker.isolate.web.promise import Promise, fulfilled
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.text import js_string, utf8

__all__ = ["Blob", "File"]


class Blob(JsProxy, metaclass=JsClass):
    """Bytes joined from parts: strings, buffers and other blobs."""

    def __init__(self, parts: object = None, options: object = None) -> None:
        if is_nullish(parts):
            parts = ()
        if isinstance(parts, str | JsBuffer) or not isinstance(parts, Iterable):
            raise type_error(
                f"Failed to construct '{type(self).name}': constructor parameter 1 is not of type 'Array'."
            )
        self._data = b"".join(_part(part) for part in parts)
        self._type = _type(read(options, "type"))

    @classmethod
    def of(cls, data: bytes, content_type: str = "") -> Blob:
        """A blob of given bytes."""
        blob = Blob.__new__(Blob)
        blob._data, blob._type = data, _type(content_type)
        return blob

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def type(self) -> str:
        return self._type

    def text(self) -> Promise[str]:
        return fulfilled(self._data.decode("utf-8", "replace"))

    def arrayBuffer(self) -> Promise[ArrayBuffer]:
        return fulfilled(ArrayBuffer.over(bytearray(self._data)))

    def bytes(self) -> Promise[TypedArray]:
        return fulfilled(uint8_array(bytearray(self._data)))

    def stream(self) -> ReadableStream:
        return ReadableStream.of_bytes(self._data)

    def slice(self, start: object = None, end: object = None, content_type: object = None) -> Blob:
        """Some of the bytes. Negative positions count from the end; the type is not kept."""
        bounds = slice(start if isinstance(start, int) else None, end if isinstance(end, int) else None)
        return Blob.of(self._data[bounds], _type(content_type))


class File(Blob):
    """A blob with a name and a time, in milliseconds."""

    def __init__(self, parts: object, filename: object, options: object = None) -> None:
        super().__init__(parts, options)
        self._name = js_string(filename)
        modified = read(options, "lastModified")
        self._modified = int(modified) if isinstance(modified, int | float) else int(time.time() * 1000)

    @classmethod
    def named(cls, data: Blob | bytes, filename: str, content_type: str = "") -> File:
        """A file of given bytes; a blob passes its type on."""
        file = cls.__new__(cls)
        file._data = data._data if isinstance(data, Blob) else data
        file._type = data._type if isinstance(data, Blob) else _type(content_type)
        file._name = filename
        file._modified = data._modified if isinstance(data, File) else int(time.time() * 1000)
        return file

    @property
    def name(self) -> str:
        return self._name

    @property
    def lastModified(self) -> int:
        return self._modified


def _part(part: object) -> bytes:
    match part:
        case Blob():
            return part._data
        case ArrayBuffer() | TypedArray() | JsBuffer():
            return part.to_bytes()
    return utf8(js_string(part))


def _type(value: object) -> str:
    text = "" if is_nullish(value) else js_string(value)
    return text.lower() if text.isascii() and text.isprintable() else ""
