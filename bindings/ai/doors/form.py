"""`multipart/form-data` as the doors read it.

Source: RFC 7578; HTML standard, "Multipart form data".
"""

from __future__ import annotations

import re
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Final, NamedTuple

from paddock.bindings.errors import IncompleteRequest, InputError

__all__ = ["Part", "is_form", "read_form"]

_FORM: Final = "multipart/form-data"
_LINE_END: Final = b"\r\n"
_DISPOSITION: Final = re.compile(rb"^content-disposition:\s*form-data\b(.*)$", re.IGNORECASE | re.MULTILINE)
_TYPE: Final = re.compile(rb"^content-type:(.*)$", re.IGNORECASE | re.MULTILINE)


class Part(NamedTuple):
    """One field. `filename` is None for a field that is no file."""

    name: str
    filename: str | None
    content_type: str
    content: bytes


def is_form(content_type: str) -> bool:
    """Whether a body of this type is a form. Raises IncompleteRequest without a type."""
    return _header(content_type).get_content_type() == _FORM


def read_form(content_type: str, body: bytes) -> list[Part]:
    """The fields in their order. Raises InputError for a malformed form, IncompleteRequest without a content type."""
    boundary = str(_header(content_type).get_param("boundary", ""))
    if not is_form(content_type) or not boundary:
        raise InputError(f"Error: content-type: expected multipart/form-data with its boundary; got {content_type!r}")
    parts = (_LINE_END + body).split(_LINE_END + b"--" + boundary.encode("latin-1", "replace"))
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise InputError(
            f"Error: body: expected a form that ends with its boundary {boundary!r}; got {len(body)} bytes"
        )
    return [_part(part) for part in parts[1:-1]]


def _header(content_type: str) -> Message:
    if not content_type:
        raise IncompleteRequest("Request is missing headers or body: content-type")
    header = Message()
    header["content-type"] = content_type
    return header


def _part(part: bytes) -> Part:
    head, separator, content = part.partition(_LINE_END * 2)
    header = Message()
    header["content-disposition"] = "form-data" + _value(_DISPOSITION, head)
    name = header.get_param("name", header="content-disposition")
    if not separator or name is None:
        raise InputError("Error: body: expected form fields with a name; got one without")
    filename = header.get_param("filename", header="content-disposition")
    return Part(
        collapse_rfc2231_value(name),
        None if filename is None else collapse_rfc2231_value(filename),
        _value(_TYPE, head),
        content,
    )


def _value(pattern: re.Pattern[bytes], head: bytes) -> str:
    """The value of a part's header, empty where there is none."""
    match = pattern.search(head)
    return match[1].decode("utf-8", "replace").strip() if match else ""
