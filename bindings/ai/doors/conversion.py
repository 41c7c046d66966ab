"""Requests for Markdown as the doors read them: the binding's JSON and the REST API's form.

Source: workerd, `cloudflare-internal:to-markdown-api`; developer docs, "Markdown Conversion"; WA-106, WA-130.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeVar

import msgspec

from paddock.bindings.ai.doors.form import read_form
from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.ai.markdown.documents import ConversionOptions, Document
from paddock.bindings.errors import IncompleteRequest, InputError

__all__ = ["Conversion", "from_form", "from_json"]

_T = TypeVar("_T")
#: Cloudflare's SDKs write `files[]` for an array; curl, as the docs show it, `files`.
_FILES: Final = re.compile(r"files(?:\[\d*\])?")
_OPTIONS: Final = "conversionOptions"


class Conversion(NamedTuple):
    """What is to be converted, and how."""

    documents: list[Document]
    options: ConversionOptions


class _File(msgspec.Struct, rename="camel"):
    name: str
    #: Base64 in JSON; decoded strictly.
    data: bytes
    mime_type: str = ""


class _Options(msgspec.Struct, rename="camel"):
    conversion_options: ConversionOptions | None = None


class _Body(msgspec.Struct):
    files: list[_File]
    options: _Options | None = None


def from_json(body: bytes) -> Conversion:
    """The request of the AI binding. Raises InputError with the path of what does not fit, such as bad base64."""
    parsed = _converted(parse_json(body), _Body, "Request body")
    documents = [Document(file.name, file.mime_type, file.data) for file in parsed.files]
    options = parsed.options.conversion_options if parsed.options else None
    return Conversion(documents, options or ConversionOptions())


def from_form(content_type: str, body: bytes) -> Conversion:
    """The request of the REST API. Raises InputError for what does not fit, IncompleteRequest where no file came."""
    parts = read_form(content_type, body)
    files = [part for part in parts if _FILES.fullmatch(part.name)]
    if not files:
        raise IncompleteRequest("Request is missing headers or body: files")
    documents = [Document(part.filename or part.name, part.content_type, part.content) for part in files]
    written = next((part.content for part in parts if part.name == _OPTIONS), b"")
    if not written.strip():
        return Conversion(documents, ConversionOptions())
    return Conversion(documents, _converted(parse_json(written), ConversionOptions, _OPTIONS))


def _converted(value: object, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"Error: {what}: {error}") from error
