"""File changes -> whoever has to do something about them: files are looked at, again and again. DT-028 to DT-036.

Looking at times of files needs no watches of the kernel, which containers and network folders lack. Where a look takes
long, the pause is longer, so that looking stays a small part of the time.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["ANY", "CATALOG", "PYTHON", "SOURCES", "Files", "Tree", "Watched", "watch"]

_LOOK_EVERY_S: Final = 0.05
_SHARE: Final = 50
_LONGEST_S: Final = 1.0
#: After a change, until nothing changes any more: a program may still write, or save several files.
_SETTLE_S: Final = 0.02
_SETTLE_LOOKS: Final = 25
_SKIPPED: Final = frozenset({"node_modules", "python_modules", "__pycache__"})

PYTHON: Final = (".py",)
ANY: Final = ("",)
#: What wrangler's rules take for modules of a Worker, and other files that code reads when it is imported.
SOURCES: Final = (
    *PYTHON, ".txt", ".html", ".sql", ".bin", ".wasm",
    ".css", ".csv", ".graphql", ".j2", ".jinja", ".jinja2", ".js", ".json", ".md", ".mustache", ".svg", ".tmpl",
    ".toml", ".xml", ".yaml", ".yml",
)  # fmt: skip
CATALOG: Final = (".md", ".yaml", ".yml", ".json")

#: When it was written, how long it is, and which file it is: editors put a new one in its place.
_Stamp = tuple[int, int, int]


class Watched:
    """Files that are looked at. `changes` compares with the last look."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._before = dict(self._stamps())

    def changes(self) -> list[str]:
        """Paths, relative to the folder, of what was written, added or removed since the last call."""
        before, now = self._before, dict(self._stamps())
        self._before = now
        changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
        return [os.path.relpath(path, self._folder) for path in changed]

    def _stamps(self) -> Iterator[tuple[str, _Stamp]]:
        raise NotImplementedError


class Tree(Watched):
    """The files below a folder that end so, those behind links included. Hidden folders, virtual environments,
    installed packages and the folders of `without` are not looked at. It need not be there yet.
    """

    def __init__(self, folder: Path, suffixes: tuple[str, ...] = SOURCES, without: Iterable[Path] = ()) -> None:
        self._suffixes = suffixes
        self._without = {str(path) for path in without}
        super().__init__(folder)

    def _stamps(self) -> Iterator[tuple[str, _Stamp]]:
        return self._below(self._folder, set())

    def _below(self, folder: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, _Stamp]]:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return  # removed while we looked
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            return
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED or entry.path in self._without:
                continue
            try:
                if entry.is_dir():
                    if not entry.is_symlink() or _is_new(entry, seen):
                        yield from self._below(entry.path, seen)
                elif entry.name.endswith(self._suffixes):
                    yield entry.path, _stamp(entry.stat())
            except OSError:
                continue


class Files(Watched):
    """Files by name, which need not be there."""

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        self._files = [str(file) for file in files]
        super().__init__(folder)

    def _stamps(self) -> Iterator[tuple[str, _Stamp]]:
        for file in self._files:
            try:
                yield file, _stamp(os.stat(file))
            except OSError:
                continue


async def watch(
    make: Callable[[], Watched],
    on_change: Callable[[list[str]], Awaitable[None]],
    *,
    shortest_s: float = _LOOK_EVERY_S,
    longest_s: float = _LONGEST_S,
) -> None:
    """Call `on_change` with the paths of every batch of changes, until cancelled. Quick saves are one batch.

    `make` is called in a thread, as a look may take a while. `shortest_s`: between two looks, each of which costs a
    turn of a thread; `longest_s`: however long they take.
    """
    watched = await asyncio.to_thread(make)
    took_s = 0.0
    while True:
        await asyncio.sleep(min(longest_s, max(shortest_s, _SHARE * took_s)))
        began = time.monotonic()
        changed = await asyncio.to_thread(watched.changes)
        took_s = time.monotonic() - began
        if changed:
            await on_change(await _settled(watched, changed))


async def _settled(watched: Watched, changed: list[str]) -> list[str]:
    """What changed, once it does not go on changing; what changes all the time is not waited for."""
    for _ in range(_SETTLE_LOOKS):
        await asyncio.sleep(_SETTLE_S)
        more = await asyncio.to_thread(watched.changes)
        if not more:
            break
        changed = list(dict.fromkeys([*changed, *more]))
    return changed


def _is_new(entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> bool:
    """Whether the folder that a link leads to was not seen yet: links may lead in circles."""
    stat = entry.stat()
    key = (stat.st_dev, stat.st_ino)
    if key in seen:
        return False
    seen.add(key)
    return True


def _stamp(stat: os.stat_result) -> _Stamp:
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
