"""File changes -> a fresh isolate. The engines, the port and open requests are left alone. DT-028 to DT-036."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["SourceTree", "watch"]

#: Looking at times of files needs no watches of the kernel, which containers and network folders lack. Where a look
#: takes long, the pause is longer, so that looking stays a small part of the time.
_LOOK_EVERY_S: Final = 0.05
_SHARE: Final = 50
_LONGEST_S: Final = 1.0
_SKIPPED: Final = frozenset({"node_modules", "python_modules", "__pycache__"})

_Stamp = tuple[int, int]


class SourceTree:
    """The Python files below a folder, as they were when it was last asked. Hidden folders, virtual environments and
    installed packages are not looked at."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._before = dict(_stamps(self._folder))

    def changes(self) -> list[str]:
        """Paths, relative to the folder, of what was written, added or removed since the last call."""
        before, now = self._before, dict(_stamps(self._folder))
        self._before = now
        changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
        return [os.path.relpath(path, self._folder) for path in changed]


async def watch(folder: Path, on_change: Callable[[str], None]) -> None:
    """Call `on_change` with the first path of every batch of changes, until cancelled. Quick saves are one batch."""
    tree = await asyncio.to_thread(SourceTree, folder)
    took_s = 0.0
    while True:
        await asyncio.sleep(min(_LONGEST_S, max(_LOOK_EVERY_S, _SHARE * took_s)))
        began = time.monotonic()
        if changed := await asyncio.to_thread(tree.changes):
            on_change(changed[0])
        took_s = time.monotonic() - began


def _stamps(folder: str) -> Iterator[tuple[str, _Stamp]]:
    """Path, and modification time with size, of every Python file."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # removed while we looked
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _SKIPPED:
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _stamps(entry.path)
            elif entry.name.endswith(".py"):
                stat = entry.stat()
                yield entry.path, (stat.st_mtime_ns, stat.st_size)
        except OSError:
            continue
