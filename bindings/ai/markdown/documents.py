"""Documents on their way through the conversion: what comes in, how it is to be converted, what a child makes of it.

Source: developer docs, "Markdown Conversion"; WA-106, WA-130. Options that steer how models describe images are taken
and have no effect: nothing here describes images.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

__all__ = [
    "HEADER_BYTES",
    "ConversionOptions",
    "Document",
    "HtmlOptions",
    "Job",
    "Limits",
    "Outcome",
    "OutputOptions",
    "PdfOptions",
    "Unreadable",
]

#: Between the server and a converter, the length of what follows: big-endian.
HEADER_BYTES: Final = 4


class Unreadable(Exception):
    """One document cannot be converted; its text says why. It becomes that document's result, never a failed call."""


class Document(msgspec.Struct, frozen=True):
    """A file to convert. `name` is a label and never a path; `mime_type` is what the caller calls it, or empty."""

    name: str
    mime_type: str
    data: bytes


class HtmlOptions(msgspec.Struct, frozen=True, rename="camel"):
    """`hostname` is what relative links are resolved against, `css_selector` picks the elements that are kept."""

    hostname: str | None = None
    css_selector: str | None = None


class PdfOptions(msgspec.Struct, frozen=True):
    """`metadata`: whether the list of the file's properties stands before its pages."""

    metadata: bool | None = None


class OutputOptions(msgspec.Struct, frozen=True):
    """`text` is Markdown with its syntax removed."""

    format: Literal["markdown", "text"] | None = None


class ConversionOptions(msgspec.Struct, frozen=True):
    """`conversionOptions` of a call. Keys that are not known here are let through, as production does."""

    html: HtmlOptions | None = None
    pdf: PdfOptions | None = None
    output: OutputOptions | None = None


class Limits(msgspec.Struct, frozen=True):
    """What conversions may use. Production publishes no such numbers; these keep a hostile file from being felt."""

    #: Documents of one call.
    documents: int = 256
    #: Seconds for one document, on the wall.
    time_s: float = 60.0
    #: Address space of the child, the document and all that is made of it included.
    memory_bytes: int = 1024**3
    #: The Markdown of one document.
    output_bytes: int = 32 * 1024**2
    #: What the parts of a zip archive may come to when they are unpacked (docx, xlsx, odt and the like).
    unpacked_bytes: int = 512 * 1024**2


class Job(msgspec.Struct, frozen=True):
    """The head of one document on its way to the child; `data_bytes` bytes of data follow it."""

    name: str
    mime_type: str
    options: ConversionOptions
    limits: Limits
    data_bytes: int


class Outcome(msgspec.Struct, frozen=True):
    """What became of one document: `data`, or why there is none."""

    #: What the document was found to be.
    mime_type: str
    data: str | None = None
    error: str = ""
    #: Packages that this document needs and that are not installed.
    missing: tuple[str, ...] = ()
    #: The child has used up its memory and ends with this answer.
    is_last: bool = False
