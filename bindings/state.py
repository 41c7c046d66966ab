"""Where a project's local state lives: what bindings and the server keep between two starts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StateFolder"]

#: Part of the path, so that a later layout can live beside this one.
_LAYOUT: Final = "v1"
_MAX_NAME_BYTES: Final = 200


class StateFolder:
    """A folder such as `.paddock/state`. Nothing is made on disk before somebody needs a place in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """The folder of this layout, made or not."""
        return self._path / _LAYOUT

    def file(self, *place: str) -> Path:
        """The path of a file in folders that exist. Raises OSError when they cannot be made."""
        if not self.path.is_dir():
            self.path.mkdir(parents=True)
            # State of this machine is nobody's source code (DT-046).
            (self.path / ".gitignore").write_text("*\n")
        file = self.path.joinpath(*place)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    @staticmethod
    def file_name(name: str, suffix: str) -> str:
        """A file name for any name that a configuration gives: readable where it can be, never a path."""
        quoted = quote(name, safe="")
        return (quoted if len(quoted) <= _MAX_NAME_BYTES else hashlib.sha256(name.encode()).hexdigest()) + suffix
