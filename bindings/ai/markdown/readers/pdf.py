"""PDF documents, page by page, in the form of production's: title, properties, and each page under its number.

Source: developer docs, "Markdown Conversion"; converted documents in public repositories. What a tagged document says
of its structure becomes Markdown; the text of any other stands as it is.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Final

import pypdfium2  # type: ignore[import-untyped] # it has no types
from pypdfium2 import raw

from paddock.bindings.ai.markdown.documents import PdfOptions, Unreadable
from paddock.bindings.ai.markdown.readers.pdf_structure import structured_text, wide_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paddock.bindings.ai.markdown.documents import Document, Job

__all__ = ["read"]

#: Where the mark of a linearized file stands. Source: ISO 32000-1, F.3.3.
_LINEARIZED_BYTES: Final = 1024
_ACRO_FORMS: Final = (raw.FORMTYPE_ACRO_FORM, raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND)
_XFA_FORMS: Final = (raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND)
#: In the order of the standard; production has them in the order of the file.
_PROPERTIES: Final = ("Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate")


def read(document: Document, job: Job) -> str:
    """Raises Unreadable for a document that asks for a password."""
    try:
        pdf = pypdfium2.PdfDocument(document.data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise Unreadable("The document asks for a password") from error
        raise
    options = job.options.pdf or PdfOptions()
    parts = [f"# {' '.join(document.name.split())}"]
    if options.metadata is not False:
        lines = "\n".join(f"- {name}={' '.join(value.split())}" for name, value in _metadata(pdf, document.data))
        parts.append(f"## Metadata\n{lines}\n")
    pages = "\n\n".join(f"### Page {number}\n{text}" for number, text in enumerate(_pages(pdf), 1))
    return "\n".join([*parts, f"## Contents\n{pages}"]).strip()


def _metadata(pdf: pypdfium2.PdfDocument, data: bytes) -> Iterator[tuple[str, str]]:
    """Names and values. PDFium does not tell whether a file is a collection, which production shows, too."""
    version = pdf.get_version()
    if version:
        yield "PDFFormatVersion", f"{version // 10}.{version % 10}"
    if language := _language(pdf):
        yield "Language", language
    form = pdf.get_formtype()
    yield "IsLinearized", _claim(b"/Linearized" in data[:_LINEARIZED_BYTES])
    yield "IsAcroFormPresent", _claim(form in _ACRO_FORMS)
    yield "IsXFAPresent", _claim(form in _XFA_FORMS)
    yield "IsSignaturesPresent", _claim(raw.FPDF_GetSignatureCount(pdf) > 0)
    for name in _PROPERTIES:
        if value := pdf.get_metadata_value(name):
            yield name, value


def _language(pdf: pypdfium2.PdfDocument) -> str:
    wide = ctypes.POINTER(ctypes.c_ushort)
    return wide_text(lambda buffer, size: raw.FPDFCatalog_GetLanguage(pdf, ctypes.cast(buffer, wide), size))


def _claim(is_so: bool) -> str:
    return "true" if is_so else "false"


def _pages(pdf: pypdfium2.PdfDocument) -> Iterator[str]:
    is_tagged = pdf.is_tagged()
    for index in range(len(pdf)):
        page = pdf[index]
        text = page.get_textpage()
        try:
            yield (structured_text(page, text) if is_tagged else "") or _plain(text)
        finally:
            text.close()
            page.close()


def _plain(text: pypdfium2.PdfTextPage) -> str:
    return str(text.get_text_bounded()).replace("\r\n", "\n").strip()
