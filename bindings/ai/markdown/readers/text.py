"""Text that is Markdown already, or needs no more than to be read as it."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paddock.bindings.ai.markdown.documents import Document, Job

__all__ = ["decoded", "read"]

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read(document: Document, job: Job) -> str:
    """The text itself."""
    return decoded(document.data)


def decoded(data: bytes) -> str:
    """Bytes as text, by their mark, as UTF-8, or as what Windows wrote before it."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
