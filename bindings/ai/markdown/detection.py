"""What a document is: by its content where that is unmistakable, then by the type that came with it, then by its name.

Runs in the converter: to look into an archive is to read a document.
"""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.markdown.documents import Unreadable
from paddock.bindings.ai.markdown.formats import BY_EXTENSION, BY_TYPE, FORMATS, guess

if TYPE_CHECKING:
    from paddock.bindings.ai.markdown.documents import Document
    from paddock.bindings.ai.markdown.formats import Format

__all__ = ["detect"]

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


def detect(document: Document) -> Format:
    """What a document is. Raises Unreadable for what no row of the table fits."""
    labelled = guess(document.name, document.mime_type)
    for signature, extension in _SIGNATURES:
        if signature.match(document.data):
            return BY_EXTENSION[extension]
    if document.data.startswith(_ZIP) and (found := _packed(document.data, labelled)):
        return found
    if labelled is not None:
        return labelled
    if _LOOKS_LIKE_HTML.match(document.data):
        return BY_EXTENSION[".html"]
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
    if declared in BY_TYPE:
        return BY_TYPE[declared]
    extension = next((extension for part, extension in _PARTS.items() if part in names), None)
    if extension == ".xlsx" and labelled is BY_EXTENSION[".xlsm"]:
        return labelled
    return BY_EXTENSION[extension] if extension else None


def _first_bytes(archive: zipfile.ZipFile, part: str) -> str:
    with archive.open(part) as file:
        return file.read(100).decode("latin-1").strip()
