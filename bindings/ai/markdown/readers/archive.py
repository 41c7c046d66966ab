"""Zip archives before anybody unpacks them."""

from __future__ import annotations

import zipfile
from io import BytesIO

from paddock.bindings.ai.markdown.documents import Unreadable

__all__ = ["check_archive"]


def check_archive(data: bytes, limit_bytes: int) -> None:
    """Raise Unreadable when the parts would come to more than the limit, BadZipFile for what is no archive.

    By what the archive says of itself. One that lies meets the memory limit of the process.
    """
    with zipfile.ZipFile(BytesIO(data)) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > limit_bytes:
        raise Unreadable(f"The document unpacks to {unpacked} bytes: at most {limit_bytes} are allowed")
