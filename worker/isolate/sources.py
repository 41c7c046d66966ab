"""How the user's own modules are loaded: what was just saved is compiled, whatever a bytecode file says.

Bytecode files name the second and the size of their source. Of two edits within one second that leave the size as it
was, the second would run as the first; a file that was saved so lately is neither read from bytecode nor written there.
"""

from __future__ import annotations

import sys
import time
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SavedFileLoader", "load_saved_files"]

#: A second of the bytecode file's clock, and one for file systems that round.
_YOUNG_S: Final = 2.0


class SavedFileLoader(SourceFileLoader):
    """Loads a source file, from its bytecode where that can be told from older bytecode."""

    def path_stats(self, path: Any) -> Mapping[str, Any]:
        """As the base class. Raises OSError, the word for "compile it", for a file that was saved just now."""
        stats = super().path_stats(path)
        if time.time() - stats["mtime"] < _YOUNG_S:
            raise OSError(f"{path} was saved just now")
        return stats


def load_saved_files(folder: Path) -> None:
    """Import modules at and below this folder so; once, before anything of it is imported."""
    top = folder.resolve()
    loaders = (
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (SavedFileLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

    def hook(entry: str) -> FileFinder:
        path = Path(entry).resolve()
        if not (path.is_dir() and path.is_relative_to(top)):
            raise ImportError("not of this project", path=entry)
        return FileFinder(entry, *loaders)

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.pop(str(folder), None)
