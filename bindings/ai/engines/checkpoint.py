"""Whether files of weights are whole, by their headers alone. No vLLM here.

Format: 8 bytes little-endian length, a JSON object, then the tensors without a gap (safetensors README, "Format").
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CheckpointBroken", "broken_file", "safetensors_header"]


#: What the format's own library reads at most.
_MAX_HEADER_BYTES: Final = 100_000_000


class CheckpointBroken(ValueError):
    """A file is no safetensors file, or not all of one. The text names it."""


def safetensors_header(path: Path, *, max_header_bytes: int = _MAX_HEADER_BYTES) -> dict[str, Any]:
    """Tensor name -> `dtype`, `shape`, `data_offsets`. Raises CheckpointBroken, also when tensors are cut off."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (header_bytes,) = struct.unpack("<Q", file.read(8))
            if header_bytes > size:
                raise ValueError(f"its header claims {header_bytes} bytes, more than the file has")
            if header_bytes > max_header_bytes:
                raise ValueError(f"its header claims {header_bytes} bytes, more than {max_header_bytes}")
            header = json.loads(file.read(header_bytes))
        if not isinstance(header, dict):
            raise ValueError("its header is not a JSON object")
        header.pop("__metadata__", None)
        wanted = 8 + header_bytes + max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        if wanted != size:
            raise ValueError(f"its tensors end at byte {wanted}, the file at {size}")
    except (OSError, ValueError, LookupError, TypeError, RecursionError, struct.error) as exc:
        raise CheckpointBroken(f"{path} is not a whole safetensors file: {exc}") from exc
    return header


def broken_file(folder: Path) -> CheckpointBroken | None:
    """What is wrong with the first broken safetensors file of a folder."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            safetensors_header(path)
        except CheckpointBroken as error:
            return error
    return None
