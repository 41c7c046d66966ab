"""What a tagged PDF page says of itself: headings, paragraphs, lists and tables as Markdown.

Source: ISO 32000-1, 14.8, standard structure types. An element of the structure owns numbered pieces of the page's
content; a piece's text is that of the characters whose text object carries its number.
"""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING, Any, Final

from pypdfium2 import raw  # type: ignore[import-untyped] # it has no types

from paddock.bindings.ai.markdown.readers.table import markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["structured_text", "wide_text"]

_HEADINGS: Final = {"H": 1, "Title": 1} | {f"H{level}": level for level in range(1, 7)}
#: Elements whose text is one block; what stands around them is looked through for these.
_BLOCKS: Final = frozenset(
    {"P", "Caption", "BlockQuote", "Note", "FENote", "Index", "TOCI", "Form", "Formula", "Aside"}
)
_INLINE: Final = frozenset(
    {"Span", "Link", "Quote", "Em", "Strong", "Code", "Reference", "BibEntry", "Annot", "Sub", "Lbl"}
)
_NUMBER: Final = re.compile(r"[0-9]{1,9}[.)]")
_ROWS: Final = "TR"
_CELLS: Final = ("TH", "TD")


def structured_text(page: Any, text: Any) -> str:
    """A page of a tagged document as Markdown; empty where its structure has no text. `text` is the page's text."""
    tree = raw.FPDF_StructTree_GetForPage(page)
    if not tree:
        return ""
    try:
        walk = _Walk(_pieces(text))
        count = max(raw.FPDF_StructTree_CountChildren(tree), 0)
        blocks = [
            block for index in range(count) for block in walk.blocks(raw.FPDF_StructTree_GetChildAtIndex(tree, index))
        ]
        return "\n\n".join(blocks)
    except RecursionError:
        return ""  # nested beyond reason: the page's text is there without it
    finally:
        raw.FPDF_StructTree_Close(tree)


def wide_text(read: Callable[[Any, int], int]) -> str:
    """What one of PDFium's functions writes into a buffer of so many bytes: UTF-16, with a zero at its end."""
    size = read(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    read(buffer, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def _pieces(text: Any) -> dict[int, str]:
    """Number of a piece of content -> its text. A space that PDFium reads between two pieces belongs to the first."""
    found: dict[int, list[str]] = {}
    numbers: dict[int | None, int] = {}
    number = -1
    for index in range(max(raw.FPDFText_CountChars(text), 0)):
        holder = raw.FPDFText_GetTextObject(text, index)
        if holder:
            address = ctypes.cast(holder, ctypes.c_void_p).value
            if address not in numbers:
                numbers[address] = raw.FPDFPageObj_GetMarkedContentID(holder)
            number = numbers[address]
        found.setdefault(number, []).append(chr(raw.FPDFText_GetUnicode(text, index)))
    return {number: _whole("".join(characters)) for number, characters in found.items()}


def _whole(text: str) -> str:
    """Text whose halves of surrogate pairs are joined."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Walk:
    """Goes through the structure. `pieces` is the text of each piece of content."""

    def __init__(self, pieces: dict[int, str]) -> None:
        self._pieces = pieces

    def blocks(self, element: Any) -> Iterator[str]:
        """The blocks that an element comes to, in reading order."""
        kind = _kind(element)
        if kind in _HEADINGS:
            yield from _if_any(self._line(element), "#" * _HEADINGS[kind] + " ")
        elif kind == "L":
            yield from _if_any("\n".join(self._items(element)))
        elif kind == "Table":
            yield from _if_any(markdown_table(list(self._rows(element))))
        elif kind == "Figure":
            yield from _if_any(wide_text(lambda buffer, size: raw.FPDF_StructElement_GetAltText(element, buffer, size)))
        elif kind in _BLOCKS:
            yield from _if_any(self._line(element))
        else:
            yield from self._mixed(element)

    def _mixed(self, element: Any) -> Iterator[str]:
        """Blocks of an element that may have text of its own between them."""
        own: list[str] = []
        for child in _children(element):
            if isinstance(child, int):
                own.append(self._pieces.get(child, ""))
            elif _is_inline(child):
                own.append(self._text(child))
            else:
                yield from _if_any(_joined(own))
                own = []
                yield from self.blocks(child)
        yield from _if_any(_joined(own))

    def _items(self, element: Any, depth: int = 0) -> Iterator[str]:
        for child in _children(element):
            if isinstance(child, int):
                continue
            if _kind(child) == "L":
                yield from self._items(child, depth + 1)
                continue
            if line := _joined([self._text(child, skipped=("L", "Lbl"))]):
                yield f"{'  ' * depth}{self._mark(child)} {line}"
            for nested in _descend(child, ("LBody", "LI")):
                if not isinstance(nested, int) and _kind(nested) == "L":
                    yield from self._items(nested, depth + 1)

    def _mark(self, item: Any) -> str:
        """The number that an item bears, or a dash."""
        labels = (child for child in _children(item) if not isinstance(child, int) and _kind(child) == "Lbl")
        label = next((self._line(child) for child in labels), "")
        return label if _NUMBER.fullmatch(label) else "-"

    def _rows(self, element: Any) -> Iterator[list[str]]:
        for child in _children(element):
            if isinstance(child, int):
                continue
            if _kind(child) == _ROWS:
                cells = [cell for cell in _children(child) if not isinstance(cell, int) and _kind(cell) in _CELLS]
                yield [self._line(cell) for cell in cells]
            else:
                yield from self._rows(child)  # THead, TBody, TFoot

    def _line(self, element: Any) -> str:
        return _joined([self._text(element)])

    def _text(self, element: Any, skipped: tuple[str, ...] = ()) -> str:
        """All text below an element, but not that of elements of the kinds to be skipped."""
        pieces = []
        for child in _children(element):
            if isinstance(child, int):
                pieces.append(self._pieces.get(child, ""))
            elif _kind(child) not in skipped:
                text = self._text(child, skipped)
                pieces.append(text if _is_inline(child) else f" {text} ")
        return "".join(pieces)


def _is_inline(element: Any) -> bool:
    return _kind(element) in _INLINE


def _kind(element: Any) -> str:
    return wide_text(lambda buffer, size: raw.FPDF_StructElement_GetType(element, buffer, size))


def _children(element: Any) -> Iterator[Any]:
    """Elements below an element, and the numbers (int) of the content that it owns itself, in their order."""
    for index in range(max(raw.FPDF_StructElement_CountChildren(element), 0)):
        child = raw.FPDF_StructElement_GetChildAtIndex(element, index)
        if child:
            yield child
        elif (number := raw.FPDF_StructElement_GetChildMarkedContentID(element, index)) >= 0:
            yield number


def _descend(element: Any, through: tuple[str, ...]) -> Iterator[Any]:
    """The children of an element, and those of its children of some kinds."""
    for child in _children(element):
        yield child
        if not isinstance(child, int) and _kind(child) in through:
            yield from _descend(child, through)


def _joined(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())


def _if_any(text: str, before: str = "") -> Iterator[str]:
    if text:
        yield before + text
