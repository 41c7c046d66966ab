"""A form with a large file, in pieces: what is on disk, what is refused, and how early."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from paddock.bindings.ai.doors.uploads import Upload, receive
from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import InputError

PIECE = b"\x00\r\n--x" * 10_000


def part(disposition: str, *headers: str) -> bytes:
    lines = [f"--xx\r\ncontent-disposition: form-data; {disposition}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Pieces:
    """A body that comes piece by piece, and counts what was asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.pulled = 0
        self.is_cancelled = False

    async def pull(self) -> bytes | None:
        self.pulled += 1
        return next(self._pieces, None)

    async def cancel(self, reason: str | None) -> None:
        self.is_cancelled = True


def received(body: Pieces, place: Path) -> Upload:
    request = FetchRequest("POST", "http://x/", (("content-type", "multipart/form-data; boundary=xx"),), body)
    return asyncio.run(receive(request, "file", place, 1_000_000_000))


@pytest.mark.parametrize("disposition", ['name="file"; filename="blob"', 'name="file"'])
def test_a_file_reaches_the_disk_as_it_comes(tmp_path: Path, disposition: str) -> None:
    """With or without a filename, no more than a piece waits in memory."""
    place, sizes = tmp_path / "file", []

    def pieces() -> Iterator[bytes]:
        yield part(disposition)
        for _ in range(10):
            yield PIECE
            sizes.append(place.stat().st_size)
        yield b'\r\n--xx\r\ncontent-disposition: form-data; name="file_name"\r\n\r\nx.json\r\n--xx--\r\n'

    form = received(Pieces(pieces()), place)
    assert form == Upload({"file_name": "x.json"}, frozenset({"file"}))
    assert place.read_bytes() == PIECE * 10
    assert all(size > len(PIECE) * before for before, size in enumerate(sizes, -1))


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        (part('name="note"'), "note: expected at most 10000 bytes"),
        (part('name="file"') + b"a\r\n" + part('name="file"'), "file: expected one part of this name"),
        (part('name="file"', "content-transfer-encoding: base64"), "content-transfer-encoding: expected binary"),
        (part('filename="blob"'), "a part has no name"),
        (b"".join(part(f'name="{n}"') + b"a\r\n" for n in range(11)), "at most 10 parts"),
    ],
)
def test_what_is_refused_is_not_received(tmp_path: Path, begin: bytes, said: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield begin
        while True:
            yield PIECE

    body = Pieces(pieces())
    with pytest.raises(InputError, match=said):
        received(body, tmp_path / "file")
    assert body.pulled < 4
    assert body.is_cancelled


def test_other_files_are_not_kept(tmp_path: Path) -> None:
    end = b"\r\n--xx--\r\n"
    form = received(Pieces(iter([part('name="other"; filename="x"'), PIECE, end])), tmp_path / "file")
    assert form == Upload({}, frozenset({"other"}))
    assert (tmp_path / "file").read_bytes() == b""
