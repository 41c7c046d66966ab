"""`_headers` and `_redirects` of a folder, read again when they have changed. Blocks, and belongs in a thread."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from paddock.bindings.assets.headers import parse_headers
from paddock.bindings.assets.redirects import Redirects, parse_redirects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from paddock.bindings.assets.folder import AssetFolder
    from paddock.bindings.assets.headers import HeaderRule
    from paddock.bindings.assets.settings import HtmlHandling

__all__ = ["Rules"]

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Rules:
    """What the two files say now."""

    def __init__(self, folder: AssetFolder, html: HtmlHandling) -> None:
        self._headers = _Watched(folder.file("_headers"), parse_headers)
        self._redirects = _Watched(folder.file("_redirects"), lambda text: parse_redirects(text, html))

    @property
    def headers(self) -> list[HeaderRule]:
        return self._headers.read() or []

    @property
    def redirects(self) -> Redirects:
        return self._redirects.read() or Redirects({}, [])


class _Watched(Generic[_T]):
    """A file as the parser makes it; None without the file. What is wrong with it is logged once for each change."""

    def __init__(self, file: Path, parse: Callable[[str], tuple[_T, list[str]]]) -> None:
        self._file = file
        self._parse = parse
        self._changed_ns = -1
        self._content: _T | None = None

    def read(self) -> _T | None:
        try:
            changed_ns = self._file.stat().st_mtime_ns
            if changed_ns == self._changed_ns:
                return self._content
            text = self._file.read_text("utf-8", "replace")
        except OSError:
            self._changed_ns, self._content = -1, None
            return None
        content, problems = self._parse(text)
        for problem in problems:
            logger.warning("%s: %s", self._file, problem)
        self._content, self._changed_ns = content, changed_ns
        return content
