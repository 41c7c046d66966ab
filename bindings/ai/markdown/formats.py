"""The formats of Markdown conversion.

Source: developer docs, "Markdown Conversion", supported formats.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Literal, NamedTuple

__all__ = [
    "BY_EXTENSION",
    "BY_TYPE",
    "FORMATS",
    "INSTALL",
    "PLAIN_TEXT_NEEDS",
    "Format",
    "Kind",
    "guess",
    "not_installed",
    "supported",
]

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
    #: Whether `supported` lists it: production lists rich formats only.
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
BY_EXTENSION: Final = {format.extension: format for format in FORMATS}
#: The first extension of a type speaks for it.
BY_TYPE: Final = {format.mime_type: format for format in reversed(FORMATS)} | {
    "text/xml": BY_EXTENSION[".xml"],
    "application/xhtml+xml": BY_EXTENSION[".html"],
}


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
    if given not in _UNTYPED and given in BY_TYPE:
        return BY_TYPE[given]
    _, dot, extension = name.rpartition(".")
    return BY_EXTENSION.get(dot + extension.lower()) or BY_TYPE.get(given)
