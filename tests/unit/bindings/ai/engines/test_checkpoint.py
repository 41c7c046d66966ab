"""Broken files of weights are named, with what is wrong with them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from paddock.bindings.ai.engines.checkpoint import CheckpointBroken, broken_file, safetensors_header

TENSORS = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    "b": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
}


def _bytes(header: object = TENSORS, data: bytes = b"\0" * 12) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_header_of_a_whole_file_is_its_tensors(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(_bytes())
    assert safetensors_header(tmp_path / "model.safetensors") == {name: TENSORS[name] for name in ("a", "b")}
    assert broken_file(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "requires a buffer"),
        (b"\x93NUMPY" * 30, "header claims"),
        (_bytes()[:40], "header claims"),
        (_bytes(data=b"\0" * 11), "tensors end at byte .* the file at"),
        (_bytes(data=b"\0" * 13), "tensors end at byte .* the file at"),
        (_bytes([1, 2]), "not a JSON object"),
        (_bytes({"a": {"dtype": "F32"}}), "data_offsets"),
        (struct.pack("<Q", 4) + b"nope", "Expecting value"),
    ],
)
def test_first_broken_file_is_named_with_its_fault(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "model-1.safetensors").write_bytes(_bytes())
    (tmp_path / "model-2.safetensors").write_bytes(content)
    assert str(tmp_path / "model-2.safetensors") in str(broken_file(tmp_path))
    with pytest.raises(CheckpointBroken, match=text):
        safetensors_header(tmp_path / "model-2.safetensors")


def test_folder_without_such_files_has_no_broken_one(tmp_path: Path) -> None:
    assert broken_file(tmp_path) is None
