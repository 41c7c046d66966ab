"""Markdown with its syntax removed: what `output.format` `text` asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markdown_it.token import Token

__all__ = ["plain_text"]

_FRONT_MATTER: Final = re.compile(r"\A---\n(.*?)\n---(?:\n+|\Z)", re.DOTALL)
_CODE: Final = ("fence", "code_block")
_BLOCK_ENDS: Final = frozenset(
    f"{block}_close"
    for block in ("blockquote", "bullet_list", "heading", "list_item", "ordered_list", "paragraph", "table")
)
_BREAKS: Final = ("softbreak", "hardbreak")


def plain_text(markdown: str) -> str:
    """Paragraphs, items and rows without their marks; tabs between the cells of a row. Front matter stays as it is."""
    front = _FRONT_MATTER.match(markdown)
    # HTML is text, too: in what was extracted from other documents, an angle bracket is one.
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    writer = _Writer()
    if front:
        writer.write(front[1], gap="\n\n")
    writer.write_all(parser.parse(markdown[front.end() :] if front else markdown))
    return writer.text()


class _Writer:
    """Pieces of text, and between two of them the largest gap that was asked for."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._gap = ""
        self._row: list[str] | None = None

    def write_all(self, tokens: Iterable[Token]) -> None:
        """The text of a document's tokens."""
        for token in tokens:
            if token.type == "inline" and self._row is not None:
                self._row.append(_inline(token))
            elif token.type == "inline":
                self.write(_inline(token))
            elif token.type in _CODE:
                self.write(token.content.rstrip("\n"), gap="\n\n")
            elif token.type == "tr_open":
                self._row = []
            elif token.type == "tr_close":
                self.write("\t".join(self._row or ()), gap="\n")
                self._row = None
            elif token.type in _BLOCK_ENDS:
                self._widen("\n" if token.hidden or token.type == "list_item_close" else "\n\n")

    def write(self, text: str, gap: str = "") -> None:
        """A piece, and at least this gap behind it."""
        if text:
            self._pieces += [self._gap, text] if self._pieces else [text]
            self._gap = ""
        self._widen(gap)

    def text(self) -> str:
        """Everything that was written."""
        return "".join(self._pieces)

    def _widen(self, gap: str) -> None:
        self._gap = max(self._gap, gap, key=len)


def _inline(token: Token) -> str:
    return "".join("\n" if child.type in _BREAKS else child.content for child in token.children or ())
