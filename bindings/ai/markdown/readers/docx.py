"""Word documents. mammoth goes by what a document means, not by its looks: headings, lists, tables, links, notes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import mammoth  # type: ignore[import-untyped] # it has no types

from paddock.bindings.ai.markdown.readers.archive import check_archive
from paddock.bindings.ai.markdown.readers.markup import markdown_of, parsed

if TYPE_CHECKING:
    from paddock.bindings.ai.markdown.documents import Document, Job

__all__ = ["read"]


def read(document: Document, job: Job) -> str:
    """The text. Images are their alternative texts; files that the document links to are not looked at."""
    check_archive(document.data, job.limits.unpacked_bytes)
    images = mammoth.images.img_element(lambda image: {"src": "data:,"})
    result = mammoth.convert_to_html(BytesIO(document.data), convert_image=images)
    return markdown_of(parsed(result.value))
