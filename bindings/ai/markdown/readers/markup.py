"""HTML as Markdown, in the dialect of production's examples: `#` headings, `_emphasis_`, `**strong**`, fenced code.

lxml parses, because it closes what HTML lets an author leave open (paragraphs, items, cells); Python's own does not.
"""

from __future__ import annotations

import re
from typing import Final

from bs4 import BeautifulSoup, Tag
from markdownify import ATX, MarkdownConverter, abstract_inline_conversion  # type: ignore[attr-defined] # not in its stub

__all__ = ["markdown_of", "parsed"]

#: One that is not escaped yet: tables may stand in tables.
_BAR: Final = re.compile(r"(?<!\\)\|")
_LANGUAGE: Final = re.compile(r"(?:language|lang)-([\w+#.-]+)")


class _Converter(MarkdownConverter):
    convert_em = abstract_inline_conversion(lambda self: "_")
    convert_i = convert_em

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """An image. One that the document carries itself is its alternative text: production has models describe it."""
        if str(el.get("src", "")).lower().startswith("data:"):
            return str(el.get("alt", ""))
        return str(super().convert_img(el, text, parent_tags))  # type: ignore[misc] # not in the library's stub

    def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A cell, whose bars are no borders."""
        return str(super().convert_td(el, _without_bars(text), parent_tags))  # type: ignore[misc] # as above

    def convert_th(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A cell of the head."""
        return str(super().convert_th(el, _without_bars(text), parent_tags))  # type: ignore[misc] # as above


def _without_bars(text: str) -> str:
    return _BAR.sub(r"\\|", text)


def parsed(html: str | bytes) -> BeautifulSoup:
    """The document's tree. Bytes are decoded by their mark, by what the document declares, or by their looks."""
    return BeautifulSoup(html, "lxml")


def markdown_of(root: Tag) -> str:
    """The Markdown of a tree, without blank space around it."""
    converter = _Converter(heading_style=ATX, bullets="-", code_language_callback=_language, table_infer_header=True)
    return str(converter.convert_soup(root)).strip()


def _language(pre: Tag) -> str:
    """The language that the class of a code block, or of the `code` in it, names."""
    for element in (pre, pre.find("code")):
        classes = str(element.get("class", "")) if isinstance(element, Tag) else ""
        if match := _LANGUAGE.search(classes):
            return match[1]
    return ""
