"""ArrayBuffer, typed arrays and DataView."""

from __future__ import annotations

import io
from typing import Any

import pytest

from paddock.worker.isolate.web.buffers import TYPED_ARRAYS, ArrayBuffer, DataView, uint8_array
from paddock.worker.isolate.web.errors import JsException

Uint8Array, Float32Array, Int16Array = (TYPED_ARRAYS[name] for name in ("Uint8Array", "Float32Array", "Int16Array"))


def test_views_share_their_bytes() -> None:
    array = Uint8Array.new([1, 2, 3, 4])
    part = array.subarray(1, 3)
    part[0] = 9
    assert (array.to_bytes(), part.byteOffset, array.slice(1, 3).buffer is array.buffer) == (b"\1\x09\3\4", 1, False)


@pytest.mark.parametrize(
    ("name", "stored", "read"),
    [("Uint8Array", [256, -1], [0, 255]), ("Int8Array", [128], [-128]), ("Uint8ClampedArray", [300, -5], [255, 0]),
     ("Float64Array", [0.5], [0.5]), ("BigUint64Array", [2**64 + 1], [1])],
)  # fmt: skip
def test_numbers_are_stored_as_the_type_can(name: str, stored: list[float], read: list[float]) -> None:
    assert list(TYPED_ARRAYS[name].new(stored)) == read


def test_construction_from_other_arrays_converts() -> None:
    assert list(Float32Array.new(Uint8Array.new([1, 2]))) == [1.0, 2.0]
    assert list(Int16Array.new(ArrayBuffer.new(4), 2)) == [0]
    assert (Uint8Array.new(3).length, Int16Array.new(3).byteLength) == (3, 6)


@pytest.mark.parametrize("arguments", [(1,), (0, 3), (6,)])
def test_views_stay_inside_the_buffer(arguments: tuple[int, ...]) -> None:
    with pytest.raises(JsException, match="RangeError"):
        Int16Array.new(ArrayBuffer.new(4), *arguments)


def test_python_side_of_a_buffer() -> None:
    array, file = uint8_array(bytearray(b"abc")), io.BytesIO()
    array.to_file(file)
    array.assign(b"xyz")
    assert (file.getvalue(), array.to_bytes(), array.to_string()) == (b"abc", b"xyz", "xyz")


def test_memoryview_is_a_copy_of_the_arrays_type() -> None:
    array = Float32Array.new([1.5])
    view: Any = array.to_memoryview()
    view[0] = 2.5
    assert (view.format, list(array)) == ("f", [1.5])


def test_set_and_fill() -> None:
    array = Uint8Array.new(4).fill(7)
    array.set([1, 2], 1)
    assert list(array) == [7, 1, 2, 7]
    with pytest.raises(JsException, match="out of bounds"):
        array.set([1, 2], 3)


def test_data_view_in_both_byte_orders() -> None:
    view: Any = DataView.new(ArrayBuffer.new(8), 2, 4)
    view.setUint16(0, 0x0102)
    view.setUint16(2, 0x0102, True)
    assert view.to_bytes() == b"\1\2\2\1"
    assert (view.getInt16(0), view.getUint16(0, True)) == (0x0102, 0x0201)
    with pytest.raises(JsException, match="outside the bounds"):
        view.getFloat64(0)
    assert not hasattr(view, "getNothing")
