"""Where the keys of a configuration file stand, for messages about them.

No parser of TOML or JSON at hand keeps lines. For TOML the one at hand is asked statement by statement, so that its
syntax is written down only there; JSON with comments has so little syntax that its marks are enough.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["line_of"]

_PART: Final = re.compile(r'"([^"]*)"|\[(\d+)\]|([^.\[\]"]+)')
_MARK: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{}\[\],:]|[^\s{}\[\],:"'/]+""", re.DOTALL
)
#: How the last line of a value ends that began on another one.
_ENDING: Final = re.compile(r"""([\]}]|\"{3}|'{3})\s*(#.*)?$""")
#: A value with more such lines within is not looked through.
_MOST_TRIES: Final = 20

_Path = tuple[str | int, ...]


def line_of(path: str, text: str, *, is_json: bool) -> int | None:
    """The line, from 1, of the key at `path` (`env.a.vars`, `services[0].binding`); of the nearest one above it where
    it has no line of its own; None where nothing of it is in the file.
    """
    wanted: _Path = tuple(int(index) if index else quoted or plain for quoted, index, plain in _PART.findall(path))
    lines = _lines(text, is_json=is_json)
    while wanted and wanted not in lines:
        wanted = wanted[:-1]
    return lines.get(wanted)


@lru_cache(maxsize=4)
def _lines(text: str, *, is_json: bool) -> dict[_Path, int]:
    """The line of each key; of a key that stands there again, the first one."""
    return dict(reversed(list(_json_keys(text) if is_json else _toml_keys(text))))


def _toml_keys(text: str) -> Iterator[tuple[_Path, int]]:
    lines = text.splitlines()
    table: _Path = ()
    counts: dict[_Path, int] = {}
    row = 0
    while row < len(lines):
        statement, size = _statement(lines, row)
        is_header = lines[row].lstrip().startswith("[")
        for path in _paths(statement):
            if is_header:
                table = _numbered(path, counts)
            yield (table if is_header else table + path), row + 1
        row += size


def _statement(lines: list[str], row: int) -> tuple[dict[str, object], int]:
    """What the first lines from `row` on say that are TOML by themselves, and how many they are."""
    tries = 0
    for size in range(1, len(lines) - row + 1):
        if size > 1 and not _ENDING.search(lines[row + size - 1]):
            continue
        tries += 1
        try:
            return tomllib.loads("\n".join(lines[row : row + size])), size
        except tomllib.TOMLDecodeError:
            if tries == _MOST_TRIES:
                break
    return {}, 1


def _numbered(path: _Path, counts: dict[_Path, int]) -> _Path:
    """The path of a table's header, or of a table above it, with the numbers of the arrays of tables that it is in."""
    found: _Path = ()
    for part, following in zip(path, (*path[1:], None), strict=True):
        if part == 0:  # `[[...]]` itself: one more of them
            counts[found] = counts.get(found, -1) + 1
            return (*found, counts[found])
        found = (*found, part)
        if found in counts and following not in (0, None):
            found = (*found, counts[found])
    return found


def _paths(value: object, at: _Path = ()) -> Iterator[_Path]:
    """Every path of a value, the shorter ones first."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*at, key)
        yield from _paths(entry, (*at, key))


def _json_keys(text: str) -> Iterator[tuple[_Path, int]]:
    path: list[str | int] = []
    word, line, end = "", 1, 0
    for match in _MARK.finditer(text):
        line, end = line + text.count("\n", end, match.start()), match.start()
        mark = match[0]
        if mark.startswith(("//", "/*")):
            continue
        if path and isinstance(path[-1], int) and mark not in ",]":
            yield tuple(path), line
        if mark == ":":
            path[-1] = word
            yield tuple(path), line
        elif mark in "{[":
            path.append("" if mark == "{" else 0)
        elif mark in "}]":
            del path[-1:]
        elif mark == "," and path and isinstance(path[-1], int):
            path[-1] += 1
        else:
            word = mark.strip("\"'")
