"""Values of RPC as they cross to another isolate: MessagePack, and beside it the bodies that stand in the values.

In the text every array is a tag and what belongs to it, so nothing else can be taken for one. What `rpc.crossed` copies
is what can be packed, but for a few values that only mean something inside of one process: they are refused by name.
Source: workerd, worker-rpc: the limit, and its text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

import msgspec

from paddock.worker.isolate.rpc import JsRpcStub
from paddock.worker.isolate.transport import wire_body
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.boxed import Boxed, box
from paddock.worker.isolate.web.buffers import TYPED_ARRAYS, ArrayBuffer, DataView, JsBuffer
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.headers import Headers
from paddock.worker.isolate.web.map import JsMap, JsSet
from paddock.worker.isolate.web.objects import JsNull, JsObject, jsnull
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.streams import ReadableStream
from paddock.worker.isolate.web.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from paddock.worker.channel import ByteSource
    from paddock.worker.isolate.exports import Exports

__all__ = ["Packed", "pack", "unpack"]

_MOST_BYTES: Final = 32 * 1024 * 1024
_TOO_LARGE: Final = (
    "Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: {} bytes."
)
#: What MessagePack has for whole numbers.
_INTEGERS: Final = range(-(2**63), 2**64)

_ContainerT = TypeVar("_ContainerT", bound=JsArray | JsObject | JsMap | JsSet)


class Packed(NamedTuple):
    """Values ready to send. `tokens` name the functions in them, which whoever receives the values may call."""

    payload: bytes
    parts: tuple[bytes | ByteSource | None, ...]
    tokens: tuple[str, ...]


def pack(values: Sequence[object], exports: Exports, isolate: int) -> Packed:
    """Values that `rpc.crossed` made. `isolate` is the number of this one, by which others find its functions.

    Raises JsException for what cannot cross to another process, and for what is too large.
    """
    packer = _Packer(exports, isolate)
    try:
        payload = msgspec.msgpack.encode([packer.pack(value) for value in values])
        if len(payload) > _MOST_BYTES:
            raise JsException("Error", _TOO_LARGE.format(len(payload)))
    except BaseException:
        exports.withdraw(packer.tokens)
        raise
    return Packed(payload, tuple(packer.parts), tuple(packer.tokens))


def unpack(
    payload: bytes, parts: Sequence[bytes | ByteSource | None], stub: Callable[[int, str], JsRpcStub]
) -> list[object]:
    """The values of a payload. `stub` makes what calls a function of an isolate, by the isolate's number and token."""
    unpacker = _Unpacker(parts, stub)
    return [unpacker.unpack(packed) for packed in msgspec.msgpack.decode(payload)]


class _Packer:
    def __init__(self, exports: Exports, isolate: int) -> None:
        self.parts: list[bytes | ByteSource | None] = []
        self.tokens: list[str] = []
        self._exports = exports
        self._isolate = isolate
        self._seen: dict[int, int] = {}

    def pack(self, value: object) -> object:
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return value if value.isascii() else ["u", value.encode("utf-8", "surrogatepass")]
        if isinstance(value, int):
            return value if value in _INTEGERS else ["i", str(value)]
        if id(value) in self._seen:
            return ["@", self._seen[id(value)]]
        if isinstance(value, JsArray | JsObject | JsMap | JsSet):
            self._seen[id(value)] = len(self._seen)
            return self._container(value)
        return self._single(value)

    def _container(self, value: JsArray | JsObject | JsMap | JsSet) -> object:
        match value:
            case JsArray():
                return ["a", *(self.pack(item) for item in value._items)]
            case JsObject():
                return ["o", *(self.pack(part) for member in value._members().items() for part in member)]
            case JsMap():
                return ["m", *(self.pack(part) for entry in value._entries.items() for part in entry)]
            case JsSet():
                return ["s", *(self.pack(member) for member in value)]

    def _single(self, value: object) -> object:
        match value:
            case JsNull():
                return ["n"]
            case Date():
                return ["d", value.getTime()]
            case JsBuffer():
                return ["b", _kind(value), value.to_bytes()]
            case JsException():
                return ["e", self.pack(value.name), self.pack(value.message)]
            case Boxed():
                return ["x", self.pack(value.valueOf())]
            case Blob():
                return ["B", value._data, value.type]
            case Headers():
                return ["h", value.header_pairs()]
            case ReadableStream():
                return ["S", self._part(wire_body(value))]
            case Request():
                body = self._part(wire_body(value.payload()))
                return ["Q", str(value.method), str(value.url), value.header_pairs(), body]
            case Response() if not isinstance(value.webSocket, WebSocket):
                body = self._part(wire_body(value.payload()))
                return ["P", int(value.status), str(value.statusText), value.header_pairs(), str(value.url), body]
            case JsRpcStub():
                self.tokens.append(self._exports.add(value))
                return ["f", self._isolate, self.tokens[-1]]
        raise JsException(
            "DataCloneError",
            f'Could not send an object of type "{_kind(value)}" to another worker: locally it lives in one process.',
        )

    def _part(self, body: bytes | ByteSource | None) -> int:
        self.parts.append(body)
        return len(self.parts) - 1


class _Unpacker:
    def __init__(self, parts: Sequence[bytes | ByteSource | None], stub: Callable[[int, str], JsRpcStub]) -> None:
        self._parts = parts
        self._stub = stub
        self._seen: list[object] = []

    def unpack(self, packed: object) -> object:
        if not isinstance(packed, list):
            return packed
        tag, *content = packed
        match tag:
            case "@":
                return self._seen[content[0]]
            case "a":
                items = self._begun(JsArray())
                items._items.extend(self.unpack(item) for item in content)
                return items
            case "o":
                made = self._begun(JsObject())
                for name, member in self._twos(content):
                    made._put(cast("str", name), member)
                return made
            case "m":
                entries = self._begun(JsMap.new())
                for key, member in self._twos(content):
                    entries.set(key, member)
                return entries
            case "s":
                members = self._begun(JsSet.new())
                for item in content:
                    members.add(self.unpack(item))
                return members
        return self._single(tag, content)

    def _begun(self, container: _ContainerT) -> _ContainerT:
        """A container that what it holds may refer to."""
        self._seen.append(container)
        return container

    def _twos(self, content: list[object]) -> Iterator[tuple[object, object]]:
        values = (self.unpack(item) for item in content)
        return zip(values, values, strict=True)

    def _single(self, tag: object, content: list[Any]) -> object:
        match tag:
            case "n":
                return jsnull
            case "u":
                return content[0].decode("utf-8", "surrogatepass")
            case "i":
                return int(content[0])
            case "d":
                return Date.new(content[0])
            case "b":
                return _buffer(*content)
            case "e":
                name, message = (self.unpack(part) for part in content)
                return JsException(str(name), str(message))
            case "x":
                return box(cast("str | float | bool", self.unpack(content[0])))
            case "B":
                return Blob.of(*content)
            case "h":
                return Headers.from_pairs(content[0])
            case "S":
                return _stream(self._parts[content[0]])
            case "Q":
                method, url, headers, part = content
                return Request.from_parts(method, url, headers, self._parts[part])
            case "P":
                status, text, headers, url, part = content
                return Response.from_parts(status, text, headers, self._parts[part], url)
            case "f":
                return self._stub(*content)
        raise ValueError(f"expected a tag of RPC; got {tag!r}")


def _kind(value: object) -> str:
    return getattr(type(value), "_js_name", "") or type(value).__name__


def _buffer(kind: str, data: bytes) -> JsBuffer:
    buffer = ArrayBuffer.over(bytearray(data))
    if kind == "ArrayBuffer":
        return buffer
    return DataView.new(buffer) if kind == "DataView" else TYPED_ARRAYS[kind].new(buffer)


def _stream(part: bytes | ByteSource | None) -> ReadableStream:
    if part is None or isinstance(part, bytes):
        return ReadableStream.of_bytes(part or b"")
    return ReadableStream.from_source(part)
