"""File changes -> a fresh isolate. The engines, the port and open requests are left alone. DT-028 to DT-036."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["watch"]

logger = logging.getLogger(__name__)

#: Looking at times of files needs no watches of the kernel, which containers and network folders lack.
_LOOK_EVERY_S: Final = 0.25
_SKIPPED: Final = frozenset({"node_modules", "python_modules", "__pycache__"})

_Snapshot = dict[str, tuple[int, int]]


async def watch(folder: Path, on_change: Callable[[str], None]) -> None:
    """Call `on_change` with a path whenever a Python file below `folder` has changed; quick saves count once.

    Runs until it is cancelled. Hidden folders, virtual environments and installed packages are not looked at.
    """
    before = await asyncio.to_thread(_snapshot, folder)
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        now = await asyncio.to_thread(_snapshot, folder)
        changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
        before = now
        if changed:
            logger.debug("files_changed count=%d first=%s", len(changed), changed[0])
            on_change(changed[0].removeprefix(f"{folder}/"))


def _snapshot(folder: Path) -> _Snapshot:
    """Modification time and size of every Python file."""
    return dict(_stamps(str(folder)))


def _stamps(folder: str) -> Iterator[tuple[str, tuple[int, int]]]:
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
