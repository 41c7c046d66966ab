"""`multipart/form-data`: forms as bytes and back.

Source: HTML standard, "Multipart form data"; RFC 7578; workerd, form-data, for what is escaped in names.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.blob import Blob, File
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.formdata import FormData
from paddock.worker.isolate.web.text import utf8

if TYPE_CHECKING:
    from paddock.worker.isolate.web.formdata import Field

__all__ = ["boundary_of", "decode_multipart", "encode_multipart"]

_PARAMETER: Final = re.compile(r';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')

_NO_BOUNDARY: Final = (
    "No boundary string in Content-Type header. The multipart/form-data MIME type requires a boundary parameter, e.g. "
    "'Content-Type: multipart/form-data; boundary=\"abcd\"'. See RFC 7578, section 4."
)


def encode_multipart(form: FormData) -> tuple[bytes, str]:
    """The bytes of a form and their boundary, 32 hexadecimal digits as in production."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    for name, value in form._fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_escaped(name)}"'
        if isinstance(value, File):
            head += f'; filename="{_escaped(value.name)}"\r\nContent-Type: {value.type or "application/octet-stream"}'
        content = value._data if isinstance(value, Blob) else utf8(value)
        pieces += [utf8(head), b"\r\n\r\n", content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), boundary


def decode_multipart(data: bytes, boundary: str) -> FormData:
    """The form in some bytes. Raises a TypeError where they are malformed."""
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    parts = (b"\r\n" + data).split(delimiter)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise type_error("No initial boundary string (or you have a truncated message).")
    return FormData.of(_part(part) for part in parts[1:-1])


def boundary_of(content_type: str) -> str:
    """The boundary that a content type names. Raises a TypeError where there is none."""
    boundary = _parameters(content_type).get("boundary")
    if not boundary:
        raise type_error(_NO_BOUNDARY)
    return boundary


def _part(part: bytes) -> tuple[str, Field]:
    line_end = part.find(b"\r\n")
    head, separator, content = part[line_end + 2 :].partition(b"\r\n\r\n")
    if line_end < 0 or not separator:
        raise type_error("No end to message headers in multipart form data.")
    headers = dict(_header(line) for line in head.decode("utf-8", "replace").split("\r\n"))
    parameters = _parameters(headers.get("content-disposition", ""))
    if "name" not in parameters:
        raise type_error("No valid Content-Disposition header found in FormData part.")
    name = _unescaped(parameters["name"])
    if "filename" not in parameters:
        return name, content.decode("utf-8", "replace")
    return name, File.named(content, _unescaped(parameters["filename"]), headers.get("content-type", ""))


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _parameters(value: str) -> dict[str, str]:
    return {
        match[1].lower(): match[3] if match[2] is None else re.sub(r'\\(["\\])', r"\1", match[2])
        for match in _PARAMETER.finditer(value)
    }


def _escaped(text: str) -> str:
    if text.endswith("\\"):  # many a reader would take it for the escape of the quote behind it
        raise type_error("Name or filename can't end with backslash")
    return text.replace("\\", "\\\\").replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%22", '"')
