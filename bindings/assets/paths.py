"""Paths of requests: as a URL has them, and as a file has them.

Source: URL standard, path state; workers-shared, asset-worker/handler.ts.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

__all__ = ["decoded", "encoded", "normalized"]

_DOT: Final = re.compile(r"\.|%2e", re.IGNORECASE)
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: Of a path's characters, those that a URL leaves as they are.
_KEPT: Final = "%/!$&'()*+,;=:@-._~|[]^\\"


def normalized(path: str) -> str:
    """The path as a URL object would have it: dots resolved, what has no place in a URL encoded.

    A path from the network holds bytes as Latin-1; every one above ASCII is encoded by itself, so it need not be UTF-8.
    """
    segments: list[str] = []
    parts = path.replace("\\", "/").split("/")[1:] or [""]
    for number, part in enumerate(parts):
        dots = _DOT.sub(".", part)
        is_last = number == len(parts) - 1
        if dots == "..":
            segments = segments[:-1]
        elif dots != ".":
            segments.append(part)
        if dots in (".", "..") and is_last:
            segments.append("")
    return "/" + quote("/".join(segments), safe=_KEPT, encoding="latin-1", errors="replace")


def decoded(path: str) -> str:
    """The path of a file: each segment decoded, if it can be, and no empty segments."""
    return re.sub("/+", "/", "/".join(map(_decoded_segment, path.split("/"))))


def encoded(path: str) -> str:
    """The one way that a file's path is written in a URL."""
    return "/".join(quote(segment, safe="!~*'()", errors="replace") for segment in path.split("/"))


def _decoded_segment(segment: str) -> str:
    if _BAD_ESCAPE.search(segment):
        return segment
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return segment
