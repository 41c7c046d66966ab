"""A form with a large file, written to its place as it comes. Source: RFC 7578; parsed by python-multipart."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from paddock.bindings.errors import IncompleteRequest, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from python_multipart.multipart import MultipartCallbacks

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
    """Read a form to its end; what its part `file_name` holds is written to `place`, of other files nothing.

    Memory holds one piece of the body and the texts, and no piece is parsed or written on the event loop.
    Raises: IncompleteRequest without a content type, InputError for what is no form, RequestTooLarge over the limit.
    """
    content_type = request.header("content-type")
    if content_type is None:
        raise IncompleteRequest("Request is missing headers or body: content-type")
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InputError(f"Error: content-type: expected multipart/form-data with its boundary; got {content_type!r}")
    with place.open("wb") as target:
        form = _Form(file_name, target)
        try:
            parser = MultipartParser(options[b"boundary"], form.callbacks())
            async with aclosing(request.pieces(limit_bytes)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(parser.write, piece)
            parser.finalize()
        except FormParserError as error:
            raise InputError(f"Error: body: expected a form; {error}") from error
    return Upload({name: text.decode("utf-8", "replace") for name, text in form.fields.items()}, frozenset(form.files))


class _Form:
    """What the parser finds. A part is a file when it has a filename or is the one that is waited for.

    Some clients give that part no filename.
    """

    def __init__(self, file_name: str, target: BinaryIO) -> None:
        self.fields: dict[str, bytearray] = {}
        self.files: set[str] = set()
        self._file_name = file_name
        self._target = target
        self._parts = 0
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._name = ""

    def callbacks(self) -> MultipartCallbacks:
        """For `MultipartParser`."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._write,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise InputError(f"Error: body: expected at most {_MAX_PARTS} parts; got more")
        self._disposition = b""

    def _end_header(self) -> None:
        name, value = (bytes(part).strip() for part in self._header)
        if name.lower() == b"content-disposition":
            self._disposition = value
        elif name.lower() == b"content-transfer-encoding" and value.lower() not in (b"binary", b"8bit", b"7bit"):
            raise InputError(f"Error: body: content-transfer-encoding: expected binary; got {value[:100]!r}")
        self._header = (bytearray(), bytearray())

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise InputError("Error: body: expected a form; a part has no name")
        self._name = options[b"name"].decode("utf-8", "replace")
        is_file = b"filename" in options or self._name == self._file_name
        if self._name in (self.files if is_file else self.fields):
            raise InputError(f"Error: {self._name[:100]}: expected one part of this name; got two")
        if is_file:
            self.files.add(self._name)
        else:
            self.fields[self._name] = bytearray()

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._name == self._file_name:
            self._target.write(data[start:end])
        elif self._name in self.fields:
            field = self.fields[self._name]
            if len(field) + end - start > _MAX_FIELD_BYTES:
                raise InputError(f"Error: {self._name[:100]}: expected at most {_MAX_FIELD_BYTES} bytes; got more")
            field.extend(memoryview(data)[start:end])
