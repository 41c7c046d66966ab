"""Blob, File, FormData and multipart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paddock.worker.isolate.web.blob import Blob, File
from paddock.worker.isolate.web.buffers import uint8_array
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.formdata import FormData
from paddock.worker.isolate.web.multipart import boundary_of, decode_multipart, encode_multipart
from paddock.worker.isolate.web.objects import jsnull


def _get(promise: Any) -> Any:  # results of every type
    async def main() -> Any:
        return await promise

    return asyncio.run(main())


def test_parts_of_every_kind() -> None:
    blob = Blob.new(["ä", uint8_array(b"b"), Blob.new(["c"])], type="A/B")
    assert (blob.size, blob.type, _get(blob.text())) == (4, "a/b", "äbc")
    assert _get(blob.slice(-2).text()) == "bc"
    with pytest.raises(JsException, match="not of type 'Array'"):
        Blob.new("text")


def test_file_has_a_name_and_a_time() -> None:
    file = File.new(["x"], "n.txt", type="t/x", lastModified=5)
    assert (file.name, file.type, file.lastModified, file.constructor.name) == ("n.txt", "t/x", 5, "File")  # type: ignore[attr-defined]  # constructors have names


def test_form_keeps_order_and_repeats() -> None:
    form = FormData.new()
    for name, value in (("a", 1), ("b", "x"), ("a", "2")):
        form.append(name, value)
    assert [tuple(entry) for entry in form] == [("a", "1"), ("b", "x"), ("a", "2")]
    form.set("a", "3")
    assert (list(form.keys()), form.get("a"), form.get("z")) == (["a", "b"], "3", jsnull)


def test_blobs_become_files() -> None:
    form = FormData.new()
    form.append("f", Blob.new(["x"]))
    form.append("g", Blob.new(["x"]), "n.txt")
    assert [file.name for file in form.values()] == ["f", "n.txt"]
    form.append("text", "x", "a name that text does not have")
    assert form.get("text") == "x"


def test_multipart_round_trip_keeps_every_byte() -> None:
    form = FormData.of([("a", "1"), ("f", File.named(bytes(range(256)), "x.bin", "a/b")), ("a", "\r\n--x")])
    data, boundary = encode_multipart(form)
    parsed = decode_multipart(data, boundary)
    file: Any = parsed.get("f")
    assert (list(parsed.getAll("a")), file._data, file.type) == (["1", "\r\n--x"], bytes(range(256)), "a/b")


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "boundary"), (b"--B\r\nx", "boundary"), (b"--B\r\nno end--B--", "boundary"),
     (b"--B\r\nA: b\r\n\r\nx\r\n--B--", "Content-Disposition"), (b"--B\r\nA: b\r\n--B--", "headers")],
)  # fmt: skip
def test_malformed_multipart_is_a_type_error(data: bytes, message: str) -> None:
    with pytest.raises(JsException, match=f"TypeError: .*{message}"):
        decode_multipart(data, "B")


def test_boundary_is_needed() -> None:
    assert boundary_of('multipart/form-data; charset=x; boundary="a b"') == "a b"
    with pytest.raises(JsException, match="No boundary"):
        boundary_of("multipart/form-data")
