"""A form with a large file, written to disk as it comes. Source: RFC 7578; parsed by python-multipart."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, FormParser, parse_options_header

from paddock.bindings.errors import IncompleteRequest, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from python_multipart.multipart import Field

    from paddock.bindings.binding import FetchRequest

__all__ = ["Upload", "receive"]

#: Of a text field, and how many parts there may be.
_MAX_FIELD_BYTES: Final = 10_000
_MAX_PARTS: Final = 10


class Upload(NamedTuple):
    """The texts of a form, by their names, and the names of its files."""

    fields: dict[str, str]
    files: frozenset[str]


async def receive(request: FetchRequest, file_name: str, place: Path, limit_bytes: int) -> Upload:
    """Read a form to its end; what its part `file_name` holds is written to `place`.

    Raises: IncompleteRequest without a content type, InputError for what is no form, RequestTooLarge over the limit.
    """
    content_type = request.header("content-type")
    if content_type is None:
        raise IncompleteRequest("Request is missing headers or body: content-type")
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InputError(f"Error: content-type: expected multipart/form-data with its boundary; got {content_type!r}")
    parts: list[Field | File] = []
    try:
        parser = FormParser("multipart/form-data", parts.append, parts.append, boundary=options[b"boundary"])
        try:
            async for piece in request.pieces(limit_bytes):
                parser.write(piece)
                if len(parts) > _MAX_PARTS:
                    raise InputError(f"Error: body: expected at most {_MAX_PARTS} parts; got more")
            parser.finalize()
        finally:
            parser.close()
        return _kept(parts, file_name, place)
    except FormParserError as error:
        raise InputError(f"Error: body: expected a form; {error}") from error
    finally:
        for part in parts:
            part.close()


def _kept(parts: list[Field | File], file_name: str, place: Path) -> Upload:
    fields: dict[str, str] = {}
    files: set[str] = set()
    for part in parts:
        name = (part.field_name or b"").decode("utf-8", "replace")
        if isinstance(part, File) or name == file_name:  # some clients give the part no filename
            files.add(name)
        if name == file_name:
            _write(part, place)
        elif not isinstance(part, File):
            value = part.value or b""
            if len(value) > _MAX_FIELD_BYTES:
                raise InputError(f"Error: {name[:100]}: expected at most {_MAX_FIELD_BYTES} bytes; got {len(value)}")
            fields[name] = value.decode("utf-8", "replace")
    return Upload(fields, frozenset(files))


def _write(part: Field | File, place: Path) -> None:
    with place.open("wb") as target:
        if isinstance(part, File):
            part.file_object.seek(0)
            shutil.copyfileobj(part.file_object, target)
        else:
            target.write(part.value or b"")
