"""Marks of lines: put on in the isolate, taken off in the server."""

import pytest

from paddock.worker.outputlines import marked, unmarked

ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "pieces", [["one\n"], ["one", "\n"], ["o", "ne\ntwo\n\nfour"], ["", "\n", "x\n"], ["a\n", "b"]]
)
def test_every_line_has_its_mark_once_however_it_is_written(pieces: list[str]) -> None:
    """DT-023"""
    written, is_at_start = "", True
    for piece in pieces:
        written += marked(piece, ID, is_at_start=is_at_start)
        is_at_start = piece.endswith("\n") if piece else is_at_start
    lines = written.removesuffix("\n").split("\n")
    assert [unmarked(line) for line in lines] == [(ID, line) for line in "".join(pieces).removesuffix("\n").split("\n")]


@pytest.mark.parametrize("line", ["", "plain", "\x1e", "\x1exyz\x1f", "a\x1e" + ID + "\x1f"])
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert unmarked(line) == ("", line)
