"""ArrayBuffer, the typed arrays and DataView, over Python's own buffers.

Source: ECMAScript, structured data; Pyodide, JsBuffer (`to_bytes`, `to_memoryview`, `assign`...).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any, ClassVar, Final, TypeAlias

from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.elements import ElementMethods
from paddock.worker.isolate.web.errors import range_error, type_error
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish
from paddock.worker.isolate.web.text import to_number

__all__ = ["TYPED_ARRAYS", "ArrayBuffer", "DataView", "JsBuffer", "TypedArray", "typed_array", "uint8_array"]


#: Python's slice, in classes that have a method of that name.
_Slice: TypeAlias = slice


class JsBuffer(JsProxy):
    """Anything that holds bytes. `bytes(...)` and other Python consumers take `to_memoryview()`."""

    def _view(self) -> memoryview:
        """The viewed bytes, without a copy; writable unless they came from immutable Python bytes."""
        raise NotImplementedError

    def _elements(self) -> memoryview:
        """The bytes as elements of the view's own type."""
        return self._view()

    def to_bytes(self) -> bytes:
        return self._view().tobytes()

    def to_memoryview(self) -> memoryview:
        """A copy, as in production, where the bytes cross into another memory."""
        kind: Any = self._elements().format
        view: memoryview = memoryview(bytearray(self._view())).cast(kind)
        return view

    def to_string(self, encoding: str | None = None) -> str:
        return self._view().tobytes().decode(encoding or "utf-8")

    def to_file(self, file: IO[bytes]) -> None:
        file.write(self._view())

    def from_file(self, file: IO[bytes]) -> None:
        view = self._view()
        view[:] = file.read(len(view))

    def assign(self, source: bytes | bytearray | memoryview) -> None:
        """Overwrite the content with a Python buffer of the same size."""
        self._view()[:] = memoryview(source).cast("B")

    def assign_to(self, target: bytearray | memoryview) -> None:
        """Overwrite a Python buffer of the same size with the content."""
        memoryview(target).cast("B")[:] = self._view()

    def _into_file(self, file: IO[bytes]) -> None:
        self.to_file(file)


class ArrayBuffer(JsBuffer, metaclass=JsClass):
    """A run of bytes."""

    _is_detached = False

    def __init__(self, length: int = 0) -> None:
        if length < 0:
            raise range_error("Invalid array buffer length")
        self._data: bytes | bytearray = bytearray(length)

    @classmethod
    def over(cls, data: bytes | bytearray) -> ArrayBuffer:
        """A buffer whose storage is `data` itself."""
        buffer = cls.__new__(cls)
        buffer._data = data
        return buffer

    @staticmethod
    def isView(value: object) -> bool:
        return isinstance(value, TypedArray | DataView)

    @property
    def byteLength(self) -> int:
        return len(self._data)

    @property
    def detached(self) -> bool:
        return self._is_detached

    def slice(self, start: int = 0, end: int | None = None) -> ArrayBuffer:
        return ArrayBuffer.over(bytearray(self._data[slice(start, end)]))

    def transfer(self) -> ArrayBuffer:
        """Another buffer with the same bytes, which this one has no more."""
        moved = ArrayBuffer.over(self._data)
        self.detach()
        return moved

    def detach(self) -> None:
        """Give the bytes up: the length is 0 from now on."""
        self._data, self._is_detached = b"", True

    def _view(self) -> memoryview:
        return memoryview(self._data)


class TypedArray(ElementMethods, JsBuffer, metaclass=JsClass):
    """Base of the typed arrays: a view on an ArrayBuffer as numbers of one type."""

    _format: ClassVar[Any] = "B"  # one of struct's letters; a type cannot say which
    BYTES_PER_ELEMENT: ClassVar[int] = 1

    def __init__(self, source: object = 0, byte_offset: int = 0, length: int | None = None) -> None:
        size = self.BYTES_PER_ELEMENT
        if isinstance(source, ArrayBuffer):
            self._buffer, self._offset = source, byte_offset
            wanted = None if length is None else length * size
            self._size = _view_size(source.byteLength, byte_offset, wanted, size, f" of {type(self).name}")
            return
        if isinstance(source, int):
            if source < 0:
                raise range_error(f"Invalid typed array length: {source}")
            content = bytearray(source * size)
        elif is_nullish(source):
            content = bytearray()
        elif isinstance(source, JsBuffer) and not isinstance(source, DataView):
            elements = source._elements()
            content = bytearray(source._view() if elements.format == self._format else self._pack(elements))
        elif isinstance(source, Iterable):
            content = self._pack(source)
        elif isinstance(source, JsObject) and isinstance(size_of := source._members().get("length"), int):
            content = self._pack(source._members().get(str(index)) for index in range(size_of))
        else:
            raise type_error(f"{type(self).name}: expected a length, a buffer or an iterable of numbers; got {source}")
        self._buffer, self._offset, self._size = ArrayBuffer.over(content), 0, len(content)

    @classmethod
    def over(cls, data: bytes | bytearray) -> TypedArray:
        """An array whose storage is `data` itself."""
        array = cls.__new__(cls)
        array._buffer, array._offset, array._size = ArrayBuffer.over(data), 0, len(data)
        return array

    @classmethod
    def from_(cls, source: Iterable[object]) -> TypedArray:
        return cls.new(source)

    @classmethod
    def of(cls, *numbers: object) -> TypedArray:
        return cls.new(numbers)

    @property
    def buffer(self) -> ArrayBuffer:
        return self._buffer

    @property
    def byteOffset(self) -> int:
        return self._offset

    @property
    def byteLength(self) -> int:
        return self._size

    @property
    def length(self) -> int:
        return self._size // self.BYTES_PER_ELEMENT

    def slice(self, start: int = 0, end: int | None = None) -> TypedArray:
        """A copy of some elements."""
        return type(self).over(bytearray(self._elements()[slice(start, end)].tobytes()))

    def subarray(self, start: int = 0, end: int | None = None) -> TypedArray:
        """A view of some elements on the same bytes."""
        first, last, _ = slice(start, end).indices(self.length)
        return type(self).new(self._buffer, self._offset + first * self.BYTES_PER_ELEMENT, max(0, last - first))

    def set(self, source: Iterable[object], offset: int = 0) -> None:
        """Copy elements in, beginning at an index."""
        content = self._pack(source._elements() if isinstance(source, JsBuffer) else source)
        begin = offset * self.BYTES_PER_ELEMENT
        if begin + len(content) > self._size:
            raise range_error("offset is out of bounds")
        self._view()[begin : begin + len(content)] = content

    def fill(self, value: object, start: int | None = None, end: int | None = None) -> TypedArray:
        first, last, _ = slice(start, end).indices(self.length)
        size = self.BYTES_PER_ELEMENT
        self._view()[first * size : max(first, last) * size] = self._pack([value]) * max(0, last - first)
        return self

    def toString(self) -> str:
        return ",".join(str(number) for number in self)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int | float]:
        return iter(self._elements())

    def __getitem__(self, index: int | _Slice) -> object:
        if isinstance(index, int):
            return self._elements()[index]
        return type(self).over(bytearray(self._elements()[index].tobytes()))

    def __setitem__(self, index: int, value: object) -> None:
        if -self.length <= index < self.length:  # outside, JavaScript ignores the write
            self.set([value], index % self.length)

    def _view(self) -> memoryview:
        return memoryview(self._buffer._data)[self._offset : self._offset + self._size]

    def _elements(self) -> memoryview:
        view: memoryview = self._view().cast(self._format)
        return view

    def _pack(self, numbers: Iterable[object]) -> bytearray:
        values = [self._convert(number) for number in numbers]
        return bytearray(struct.pack(f"={len(values)}{self._format}", *values))

    def _convert(self, value: Any) -> int | float:  # whatever a handler stores
        """A number as the array stores it: floats as they are, integers wrapped around."""
        found = value if isinstance(value, int | float) else to_number(value)
        if self._format in "fd":
            return float(found)
        bits = 8 * self.BYTES_PER_ELEMENT
        wrapped = (int(found) if math.isfinite(found) else 0) & ((1 << bits) - 1)
        is_negative = self._format in "bhiq" and wrapped >> (bits - 1)
        return wrapped - (1 << bits) if is_negative else wrapped


class _ClampedArray(TypedArray):
    """Integers outside 0..255 become the nearer end."""

    _js_name = "Uint8ClampedArray"

    def _convert(self, value: Any) -> int:
        found = value if isinstance(value, int | float) else to_number(value)
        return 0 if math.isnan(found) else round(max(0, min(255, found)))


def _define(name: str, format_: str) -> JsClass:
    members = {"_js_name": name, "_format": format_, "BYTES_PER_ELEMENT": struct.calcsize(f"={format_}")}
    return JsClass(name, (TypedArray,), {**members, "__module__": __name__, "__doc__": f"The typed array {name}."})


#: Every typed array by name.
TYPED_ARRAYS: Final[dict[str, Any]] = {
    name: _define(name, format_)
    for name, format_ in (
        ("Int8Array", "b"), ("Uint8Array", "B"), ("Int16Array", "h"), ("Uint16Array", "H"), ("Int32Array", "i"),
        ("Uint32Array", "I"), ("Float32Array", "f"), ("Float64Array", "d"), ("BigInt64Array", "q"),
        ("BigUint64Array", "Q"),
    )
} | {"Uint8ClampedArray": _ClampedArray}  # fmt: skip

_BY_FORMAT: Final = {kind._format: kind for name, kind in TYPED_ARRAYS.items() if kind is not _ClampedArray} | {
    # C's other names for the same types, and the one for booleans.
    "l": TYPED_ARRAYS["BigInt64Array" if struct.calcsize("l") == 8 else "Int32Array"],
    "L": TYPED_ARRAYS["BigUint64Array" if struct.calcsize("L") == 8 else "Uint32Array"],
    "c": TYPED_ARRAYS["Uint8Array"],
    "?": TYPED_ARRAYS["Uint8Array"],
}


class DataView(JsBuffer, metaclass=JsClass):
    """Reads and writes numbers of any type, at any place, in either byte order."""

    def __init__(self, buffer: object, byte_offset: int = 0, byte_length: int | None = None) -> None:
        if not isinstance(buffer, ArrayBuffer):
            raise type_error("First argument to DataView constructor must be an ArrayBuffer")
        self._buffer, self._offset = buffer, byte_offset
        self._size = _view_size(buffer.byteLength, byte_offset, byte_length, 1)

    @property
    def buffer(self) -> ArrayBuffer:
        return self._buffer

    @property
    def byteOffset(self) -> int:
        return self._offset

    @property
    def byteLength(self) -> int:
        return self._size

    def __getattr__(self, name: str) -> object:
        """`getUint16`, `setFloat32` and the others: one pair for each typed array."""
        verb, kind = name[:3], TYPED_ARRAYS.get(f"{name[3:]}Array")
        if verb not in ("get", "set") or kind is None:
            raise AttributeError(name)

        def get(offset: int, is_little_endian: object = False) -> object:
            return struct.unpack_from(_ordered(is_little_endian, kind), self._at(offset, kind))[0]

        def put(offset: int, value: object, is_little_endian: object = False) -> None:
            number = kind._convert(kind.__new__(kind), value)
            struct.pack_into(_ordered(is_little_endian, kind), self._at(offset, kind), 0, number)

        return get if verb == "get" else put

    def _at(self, offset: int, kind: Any) -> memoryview:
        if not 0 <= offset <= self._size - kind.BYTES_PER_ELEMENT:
            raise range_error("Offset is outside the bounds of the DataView")
        return self._view()[offset:]

    def _view(self) -> memoryview:
        return memoryview(self._buffer._data)[self._offset : self._offset + self._size]


def typed_array(data: memoryview) -> TypedArray:
    """A copy of a Python buffer as the typed array of its format. Raises TypeError for a format that has none."""
    kind = _BY_FORMAT.get(data.format.lstrip("@=<"))
    if kind is None:
        raise TypeError(f"expected a buffer of integers or floats; got format {data.format!r}")
    array: TypedArray = kind.over(bytearray(data.tobytes()))
    return array


def uint8_array(data: bytes | bytearray) -> TypedArray:
    """A Uint8Array whose storage is `data` itself: what chunks of bodies are."""
    array: TypedArray = TYPED_ARRAYS["Uint8Array"].over(data)
    return array


def _ordered(is_little_endian: object, kind: Any) -> str:
    return f"{'<' if is_little_endian else '>'}{kind._format}"


def _view_size(available: int, offset: int, wanted: int | None, element: int, of: str = "") -> int:
    """Bytes that a view covers, after the checks that all views share."""
    if offset % element:
        raise range_error(f"start offset{of} should be a multiple of {element}")
    size = available - offset if wanted is None else wanted
    if offset < 0 or size < 0 or offset + size > available:
        raise range_error(f"Start offset {offset} is outside the bounds of the buffer")
    if size % element:
        raise range_error(f"byte length{of} should be a multiple of {element}")
    return size
