"""XML documents: the document itself in a code block, because only its own names say what its parts mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from paddock.bindings.ai.markdown.documents import Unreadable
from paddock.bindings.ai.markdown.readers.text import decoded

if TYPE_CHECKING:
    from paddock.bindings.ai.markdown.documents import Document, Job

__all__ = ["read"]

_ENCODING: Final = re.compile(rb"\s*<\?xml[^>]{1,200}?encoding\s*=\s*[\"']([\w.-]+)[\"']")
_BACKTICKS: Final = re.compile("`{3,}")


def read(document: Document, job: Job) -> str:
    """Raises Unreadable for what is not well-formed; entities from elsewhere are not fetched."""
    try:
        expat.ParserCreate().Parse(document.data, True)
    except expat.ExpatError as error:
        raise Unreadable(f"The document is no well-formed XML: {error}") from error
    text = _text(document.data).strip()
    fence = max(_BACKTICKS.findall(text), key=len, default="``") + "`"
    return f"{fence}xml\n{text}\n{fence}"


def _text(data: bytes) -> str:
    match = _ENCODING.match(data)
    try:
        return data.decode(match[1].decode()) if match else decoded(data)
    except (LookupError, UnicodeDecodeError):
        return decoded(data)
