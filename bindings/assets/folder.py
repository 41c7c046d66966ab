"""The folder of assets on disk, looked at anew for every request: what is saved now is served now.

Everything here blocks, and belongs in a thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import stat
from pathlib import Path
from typing import IO, Final, NamedTuple

from paddock.bindings.assets.ignore import Ignored

__all__ = ["MAX_ASSET_BYTES", "Asset", "AssetFolder", "FileBody"]

logger = logging.getLogger(__name__)

#: Source: developer docs, Workers limits, "Individual file size of assets".
MAX_ASSET_BYTES: Final = 25 * 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024
#: Files that configure assets and are none.
_META_FILES: Final = ("/.assetsignore", "/_headers", "/_redirects")
_IGNORE_FILE: Final = ".assetsignore"


class Asset(NamedTuple):
    """A file that may be served. Its tag changes when the file does."""

    path: str
    size_bytes: int
    tag: str


class AssetFolder:
    """Finds files by decoded URL paths. Nothing outside of the folder can be named, links included."""

    def __init__(self, directory: str) -> None:
        self._root = Path(directory)
        self._ignored = Ignored(self._root / _IGNORE_FILE)
        self._reported: set[str] = set()

    def file(self, name: str) -> Path:
        """The path of one of the files that configure assets."""
        return self._root / name

    def find(self, path: str) -> Asset | None:
        """The file of exactly this path, None when there is none, or none that production would have."""
        segments = path.split("/")[1:]
        if not path.startswith("/") or path in _META_FILES or any(_is_no_name(segment) for segment in segments):
            return None
        root = os.path.realpath(self._root)
        real = os.path.realpath(os.path.join(root, *segments))
        if os.path.commonpath((root, real)) != root:
            return None
        try:
            info = os.stat(real)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(info.st_mode) or self._ignored(segments):
            return None
        if info.st_size > MAX_ASSET_BYTES:
            self._report(path, info.st_size)
            return None
        tag = hashlib.sha256(f"{real}\0{info.st_mtime_ns}\0{info.st_size}".encode(errors="surrogateescape"))
        return Asset(real, info.st_size, tag.hexdigest()[:32])

    def _report(self, path: str, size_bytes: int) -> None:
        if path not in self._reported:
            self._reported.add(path)
            logger.warning(
                "asset_too_large path=%s bytes=%d limit=%d: Cloudflare would refuse it, so it is not served",
                path,
                size_bytes,
                MAX_ASSET_BYTES,
            )


class FileBody:
    """An open file as a ByteSource."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    async def pull(self) -> bytes | None:
        """The next piece; None at the end."""
        if self._file.closed:
            return None
        piece = await asyncio.to_thread(self._file.read, _PIECE_BYTES)
        if not piece:
            self._file.close()
        return piece or None

    async def cancel(self, reason: object) -> None:
        """Close the file. Idempotent."""
        self._file.close()


def _is_no_name(segment: str) -> bool:
    """Whether a segment is none that a file in a folder can have."""
    return segment in ("", ".", "..") or "/" in segment or "\0" in segment
