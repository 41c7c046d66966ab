"""The formats of Markdown conversion, and how a document's format is found out.

Source: developer docs, "Markdown Conversion", supported formats. What a document is decides its content, where that is
unmistakable, then the type that the caller gave, then its name.
"""

from __future__ import annotations

import re
import zipfile
from importlib.util import find_spec
from io import BytesIO
from typing import Final, Literal, NamedTuple

from paddock.bindings.ai.markdown.documents import Document, Unreadable

__all__ = ["FORMATS", "INSTALL", "PLAIN_TEXT_NEEDS", "Format", "Kind", "detect", "guess", "not_installed", "supported"]

#: Picks the reader.
Kind = Literal["csv", "docx", "html", "odt", "pdf", "spreadsheet", "text", "xml"]

#: What brings every package that a reader needs.
INSTALL: Final = 'pip install "paddock[markdown]"'

#: What takes the syntax out of Markdown needs.
PLAIN_TEXT_NEEDS: Final = ("markdown_it",)
_HTML: Final = ("bs4", "lxml", "markdownify")
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_EXCEL: Final = "application/vnd.ms-excel"
_OPEN: Final = "application/vnd.oasis.opendocument."
_UNTYPED: Final = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/plain"})


class Format(NamedTuple):
    """A row of the table. `kind` is None for what is known and not converted, for the reason in `refusal`."""

    kind: Kind | None
    extension: str
    mime_type: str
    #: Import names of the packages that its reader needs.
    needs: tuple[str, ...] = ()
    refusal: str = ""
    #: Whether `supported` lists it: production lists rich formats only, and converts text all the same.
    is_rich: bool = True


_NO_IMAGES: Final = "Images are not converted by Paddock: production has models describe them, and none runs here."
_NO_NUMBERS: Final = "Apple Numbers documents are not converted by Paddock: export the document as .xlsx."

#: In the order of production's list.
FORMATS: Final = (
    Format("pdf", ".pdf", "application/pdf", ("pypdfium2",)),
    *(
        Format(None, extension, mime_type, refusal=_NO_IMAGES)
        for extension, mime_type in (
            (".jpeg", "image/jpeg"),
            (".jpg", "image/jpeg"),
            (".png", "image/png"),
            (".webp", "image/webp"),
            (".svg", "image/svg+xml"),
            (".gif", "image/gif"),
        )
    ),
    Format("html", ".html", "text/html", _HTML),
    Format("html", ".htm", "text/html", _HTML),
    Format("xml", ".xml", "application/xml"),
    Format("spreadsheet", ".xlsx", f"{_OFFICE}spreadsheetml.sheet", ("python_calamine",)),
    Format("spreadsheet", ".xlsm", f"{_EXCEL}.sheet.macroenabled.12", ("python_calamine",)),
    Format("spreadsheet", ".xlsb", f"{_EXCEL}.sheet.binary.macroenabled.12", ("python_calamine",)),
    Format("spreadsheet", ".xls", _EXCEL, ("python_calamine",)),
    Format("spreadsheet", ".et", _EXCEL, ("python_calamine",)),
    Format("docx", ".docx", f"{_OFFICE}wordprocessingml.document", ("mammoth", *_HTML)),
    Format("spreadsheet", ".ods", f"{_OPEN}spreadsheet", ("python_calamine",)),
    Format("odt", ".odt", f"{_OPEN}text", _HTML),
    Format("csv", ".csv", "text/csv"),
    Format(None, ".numbers", "application/vnd.apple.numbers", refusal=_NO_NUMBERS),
    Format("text", ".md", "text/markdown", is_rich=False),
    Format("text", ".txt", "text/plain", is_rich=False),
)
_BY_EXTENSION: Final = {format.extension: format for format in FORMATS}
#: The first extension of a type speaks for it.
_BY_TYPE: Final = {format.mime_type: format for format in reversed(FORMATS)} | {
    "text/xml": _BY_EXTENSION[".xml"],
    "application/xhtml+xml": _BY_EXTENSION[".html"],
}
_SIGNATURES: Final = (
    (re.compile(rb"[\s\S]{0,1019}%PDF-"), ".pdf"),  # readers of PDF look for it in the first kilobyte
    (re.compile(rb"\x89PNG\r\n\x1a\n"), ".png"),
    (re.compile(rb"\xff\xd8\xff"), ".jpeg"),
    (re.compile(rb"RIFF[\s\S]{4}WEBP"), ".webp"),
    (re.compile(rb"GIF8[79]a"), ".gif"),
)
_ZIP: Final = b"PK\x03\x04"
#: A part that only one kind of archive has -> what the archive is.
_PARTS: Final = {"word/document.xml": ".docx", "xl/workbook.bin": ".xlsb", "xl/workbook.xml": ".xlsx"}
_LOOKS_LIKE_HTML: Final = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)\b", re.IGNORECASE)


def supported() -> list[dict[str, str]]:
    """What can be converted with the packages that are installed: extension and type of each rich format."""
    return [
        {"extension": format.extension, "mimeType": format.mime_type}
        for format in FORMATS
        if format.kind is not None and format.is_rich and not not_installed(format.needs)
    ]


def not_installed(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the packages, by the names that they are imported by, that are not installed."""
    return tuple(name for name in packages if find_spec(name) is None)


def guess(name: str, mime_type: str) -> Format | None:
    """What a document is by its labels alone."""
    given = mime_type.partition(";")[0].strip().lower()
    if given not in _UNTYPED and given in _BY_TYPE:
        return _BY_TYPE[given]
    _, dot, extension = name.rpartition(".")
    return _BY_EXTENSION.get(dot + extension.lower()) or _BY_TYPE.get(given)


def detect(document: Document) -> Format:
    """What a document is. Raises Unreadable for what no row of the table fits."""
    labelled = guess(document.name, document.mime_type)
    for signature, extension in _SIGNATURES:
        if signature.match(document.data):
            return _BY_EXTENSION[extension]
    if document.data.startswith(_ZIP) and (found := _packed(document.data, labelled)):
        return found
    if labelled is not None:
        return labelled
    if _LOOKS_LIKE_HTML.match(document.data):
        return _BY_EXTENSION[".html"]
    known = ", ".join(format.extension for format in FORMATS if format.kind is not None)
    raise Unreadable(f"Unsupported file type: expected one of {known}")


def _packed(data: bytes, labelled: Format | None) -> Format | None:
    """What a zip archive is by its parts; a workbook with macros has the same ones as one without."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            declared = _first_bytes(archive, "mimetype") if "mimetype" in names else ""
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError):
        return None
    if declared in _BY_TYPE:
        return _BY_TYPE[declared]
    extension = next((extension for part, extension in _PARTS.items() if part in names), None)
    if extension == ".xlsx" and labelled is _BY_EXTENSION[".xlsm"]:
        return labelled
    return _BY_EXTENSION[extension] if extension else None


def _first_bytes(archive: zipfile.ZipFile, part: str) -> str:
    with archive.open(part) as file:
        return file.read(100).decode("latin-1").strip()
