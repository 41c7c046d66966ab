"""Which file answers a path, or which path it should have been: `html_handling` and `not_found_handling`.

Source: developer docs, "HTML handling"; workers-shared, asset-worker/handler.ts. For a path that ends in `/index`,
`/index.html`, `/` or `.html`, the stem is what stands before that ending. Three files can answer it: the file of
exactly this path, the page `<stem>.html` and the folder's `<stem>/index.html`. What is done with them, and in which
order, is the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.assets.folder import Asset
    from paddock.bindings.assets.settings import HtmlHandling, NotFoundHandling

__all__ = ["Found", "Moved", "resolve"]

_File: TypeAlias = Literal["exact", "page", "folder"]
#: None serves the file; `bare` is the stem itself, `slash` the stem with a slash behind it.
_Target: TypeAlias = Literal["bare", "slash"] | None

_ENDINGS: Final = ("/index", "/index.html", "/", ".html")
_STEPS: Final[dict[HtmlHandling, dict[str, tuple[tuple[_File, _Target], ...]]]] = {
    "auto-trailing-slash": {
        "/index": (("exact", None), ("folder", "slash"), ("page", "bare")),
        "/index.html": (("folder", "slash"), ("page", "bare")),
        "/": (("folder", None), ("page", "bare")),
        ".html": (("page", "bare"), ("folder", "slash")),
        "": (("exact", None), ("page", None), ("folder", "slash")),
    },
    "force-trailing-slash": {
        "/index": (("exact", None), ("folder", "slash"), ("page", "slash")),
        "/index.html": (("folder", "slash"), ("page", "slash")),
        "/": (("folder", None), ("page", None)),
        ".html": (("page", "slash"), ("exact", None), ("folder", "slash")),
        "": (("exact", None), ("page", "slash"), ("folder", "slash")),
    },
    "drop-trailing-slash": {
        "/index": (("exact", None), ("page", "bare"), ("folder", "bare")),
        "/index.html": (("folder", "bare"), ("exact", None), ("page", "bare")),
        "/": (("page", "bare"), ("folder", "bare")),
        ".html": (("page", "bare"), ("folder", "bare")),
        "": (("exact", None), ("page", None), ("folder", None)),
    },
    "none": {"": (("exact", None),)},
}


class Found(NamedTuple):
    """A file to serve, with this status."""

    asset: Asset
    status: int = 200


class Moved(NamedTuple):
    """The path under which the file is served."""

    path: str


def resolve(
    path: str, find: Callable[[str], Asset | None], html: HtmlHandling, not_found: NotFoundHandling
) -> Found | Moved | None:
    """What a decoded path leads to; None when nothing answers it. `find` returns the file of exactly a path."""
    return _Search(find, html, not_found).resolve(path, may_move=True)


class _Search:
    def __init__(self, find: Callable[[str], Asset | None], html: HtmlHandling, not_found: NotFoundHandling) -> None:
        self._find = find
        self._steps = _STEPS[html]
        self._not_found = not_found

    def resolve(self, path: str, *, may_move: bool) -> Found | Moved | None:
        ending = next((ending for ending in _ENDINGS if path.endswith(ending)), "")
        found = None
        if path == "/" and "/" in self._steps:  # the root has no stem, so it cannot be written without a slash
            found = self._step(path, "", "folder", None, may_move=may_move)
        elif ending:
            found = self._walk(path, path.removesuffix(ending), ending, may_move=may_move)
        return found or self._walk(path, path, "", may_move=may_move) or self._fallback(path)

    def _walk(self, path: str, stem: str, ending: str, *, may_move: bool) -> Found | Moved | None:
        steps = self._steps.get(ending, ())
        answers = (self._step(path, stem, file, target, may_move=may_move) for file, target in steps)
        return next((answer for answer in answers if answer is not None), None)

    def _step(self, path: str, stem: str, file: _File, target: _Target, *, may_move: bool) -> Found | Moved | None:
        asset = self._find({"exact": path, "page": f"{stem}.html", "folder": f"{stem}/index.html"}[file])
        if asset is None or (target is not None and not may_move):
            return None
        if target is None:
            return Found(asset)
        to = f"{stem}/" if target == "slash" else stem or "/"
        if self._find(to) is not None:  # another file has that very name
            return None
        there = self.resolve(to, may_move=False)
        return Moved(to) if isinstance(there, Found) and there.asset == asset else None

    def _fallback(self, path: str) -> Found | None:
        """What answers a path that no file has."""
        if self._not_found == "single-page-application":
            index = self._find("/index.html")
            return Found(index) if index else None
        folder = path if self._not_found == "404-page" else ""
        while folder:
            folder = folder.rpartition("/")[0]
            if page := self._find(f"{folder}/404.html"):
                return Found(page, 404)
        return None
