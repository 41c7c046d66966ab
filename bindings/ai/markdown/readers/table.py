"""Rows as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["markdown_table"]


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head. Rows without text at the end, and columns without any, are left out."""
    filled = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    while filled and not any(filled[-1]):
        filled.pop()
    width = max((len(row) - _empty_end(row) for row in filled), default=0)
    if not width:
        return ""
    lines = [_line((row + [""] * width)[:width]) for row in filled]
    return "\n".join([lines[0], _line(["---"] * width), *lines[1:]])


def _empty_end(row: Sequence[str]) -> int:
    return next((count for count, cell in enumerate(reversed(row)) if cell), len(row))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
