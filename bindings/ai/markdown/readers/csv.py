"""Comma-separated values, separated by semicolons or tabs for all that."""

from __future__ import annotations

import csv
import sys
from io import StringIO
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.markdown.readers.table import markdown_table
from paddock.bindings.ai.markdown.readers.text import decoded

if TYPE_CHECKING:
    from paddock.bindings.ai.markdown.documents import Document, Job

__all__ = ["read"]

_DELIMITERS: Final = ",;\t"


def read(document: Document, job: Job) -> str:
    """One table; its first row is the head."""
    text = decoded(document.data)
    csv.field_size_limit(sys.maxsize)
    first = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return markdown_table(list(csv.reader(StringIO(text, newline=""), delimiter=delimiter)))
