"""OpenDocument texts: their content as HTML, and that as Markdown, so that all documents speak one dialect.

Source: OASIS OpenDocument 1.3, part 3. Kept libraries for it bring lxml and a dialect of their own; of the standard, a
text needs a dozen elements.
"""

from __future__ import annotations

import zipfile
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

from paddock.bindings.ai.markdown.documents import Unreadable
from paddock.bindings.ai.markdown.readers.archive import check_archive
from paddock.bindings.ai.markdown.readers.markup import markdown_of, parsed

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from paddock.bindings.ai.markdown.documents import Document, Job

__all__ = ["read"]

_NAMES: Final = {
    f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}": prefix
    for name, prefix in (
        ("office", "office."),
        ("text", "text."),
        ("table", "table."),
        ("style", "style."),
        ("drawing", "draw."),
        ("svg-compatible", "svg."),
        ("xsl-fo-compatible", "fo."),
    )
} | {"{http://www.w3.org/1999/xlink}": "xlink."}
#: Elements that become one of HTML.
_TAGS: Final = {
    "text.p": "p",
    "text.list-item": "li",
    "text.list-header": "li",
    "table.table": "table",
    "table.table-row": "tr",
    "table.table-cell": "td",
}
#: Elements that are not a part of the text.
_SKIPPED: Final = frozenset({"text.tracked-changes", "office.annotation", "text.note-citation", "office.forms"})
#: A cell or a run of spaces may say that it stands for a billion of its kind.
_MAX_REPEATS: Final = 1_000


def read(document: Document, job: Job) -> str:
    """The text. Images are their titles or descriptions. Raises Unreadable for an archive without a text in it."""
    check_archive(document.data, job.limits.unpacked_bytes)
    with zipfile.ZipFile(BytesIO(document.data)) as archive:
        content = ElementTree.fromstring(archive.read("content.xml"))
    for element in content.iter():
        element.tag = _short(element.tag)
        element.attrib = {_short(name): value for name, value in element.attrib.items()}
    body = content.find("office.body/office.text")
    if body is None:
        raise Unreadable("The document has no text: expected office:text in its content.xml")
    return markdown_of(parsed(_Writer(content).inner(body)))


class _Writer:
    """Elements as HTML. Direct formatting is looked up in the document's styles."""

    def __init__(self, content: Element) -> None:
        self._bold: set[str] = set()
        self._italic: set[str] = set()
        self._numbered: set[str] = set()
        #: Styles of the lists around the current element. An inner list without a style goes on with the outer one's.
        self._lists: list[str] = []
        for style in content.iter("style.style"):
            for properties in style.iter("style.text-properties"):
                if properties.get("fo.font-weight") in ("bold", "700", "800", "900"):
                    self._bold.add(style.get("style.name", ""))
                if properties.get("fo.font-style") in ("italic", "oblique"):
                    self._italic.add(style.get("style.name", ""))
        for style in content.iter("text.list-style"):
            if len(style) and style[0].tag == "text.list-level-style-number":
                self._numbered.add(style.get("style.name", ""))

    def inner(self, element: Element) -> str:
        """Text and children of an element."""
        pieces = [escape(element.text or "")]
        for child in element:
            pieces += [self._element(child), escape(child.tail or "")]
        return "".join(pieces)

    def _element(self, element: Element) -> str:
        tag = element.tag
        if tag in _SKIPPED:
            return ""
        if tag in _TAGS:
            html = f"<{_TAGS[tag]}>{self.inner(element)}</{_TAGS[tag]}>"
            return html * _repeats(element, "table.number-columns-repeated") if tag == "table.table-cell" else html
        match tag:
            case "text.h":
                level = min(_number(element.get("text.outline-level")), 6)
                return f"<h{level}>{self.inner(element)}</h{level}>"
            case "text.list":
                return self._list(element)
            case "text.a":
                return f'<a href="{escape(element.get("xlink.href", ""))}">{self.inner(element)}</a>'
            case "text.span":
                return self._styled(element)
            case "text.s":
                return " " * _repeats(element, "text.c")
            case "text.tab":
                return "\t"
            case "text.line-break":
                return "<br>"
            case "text.note":
                return f" ({self.inner(element).replace('<p>', '').replace('</p>', ' ').strip()})"
            case "draw.frame":
                return self._frame(element)
        return self.inner(element)

    def _list(self, element: Element) -> str:
        self._lists.append(element.get("text.style-name", self._lists[-1] if self._lists else ""))
        tag = "ol" if self._lists[-1] in self._numbered else "ul"
        html = f"<{tag}>{self.inner(element)}</{tag}>"
        self._lists.pop()
        return html

    def _styled(self, element: Element) -> str:
        name, html = element.get("text.style-name", ""), self.inner(element)
        if name in self._italic:
            html = f"<em>{html}</em>"
        return f"<strong>{html}</strong>" if name in self._bold else html

    def _frame(self, element: Element) -> str:
        """A text box is its text, an image its description."""
        if element.find("draw.image") is None:
            return self.inner(element)
        said = (element.findtext(name, "") for name in ("svg.desc", "svg.title"))
        return escape(next(filter(None, said), ""))


def _short(name: str) -> str:
    """A name with the standard's own prefix; other vocabularies keep their long names."""
    space, brace, local = name.rpartition("}")
    return _NAMES.get(space + brace, space + brace) + local


def _repeats(element: Element, name: str) -> int:
    return min(_number(element.get(name)), _MAX_REPEATS)


def _number(value: str | None) -> int:
    return max(int(value), 1) if value is not None and value.isascii() and value.isdigit() else 1
