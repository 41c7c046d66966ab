"""The finetunes of a project: rows in SQLite, and a folder with the files of each.

Several processes may use one state folder: the server, and `paddock ai finetune`. Whatever is accepted is there for
all of them at once.
"""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
import time
import uuid
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.finetunes.adapter import FILES
from paddock.bindings.ai.keeping import keeping, opened, transaction
from paddock.bindings.errors import FinetuneRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from paddock.bindings.state import StateFolder

__all__ = ["MAX_FINETUNES", "Asset", "Finetune", "FinetuneStore", "replaced"]

#: Of one account. Source: later notes on production's limit.
MAX_FINETUNES: Final = 100
_FOLDER: Final = "finetunes"
_DATABASE: Final = "finetunes.sqlite"
#: Before the name of a file that is being received; nobody writes to one for so long without a pause.
_SCRATCH: Final = ".received-"
_UPLOAD_S: Final = 3600.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS finetunes (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL, description TEXT NOT NULL,
  public INTEGER NOT NULL, created_at TEXT NOT NULL, modified_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS assets (
  finetune_id TEXT NOT NULL REFERENCES finetunes (id), file_name TEXT NOT NULL, id TEXT NOT NULL,
  created_at TEXT NOT NULL, PRIMARY KEY (finetune_id, file_name)
);
"""


class Finetune(msgspec.Struct, frozen=True):
    """A named adapter of a model. Times as in `2026-11-26T09:33:00.000Z`."""

    id: str
    name: str
    model: str
    description: str
    public: bool
    created_at: str
    modified_at: str


class Asset(msgspec.Struct, frozen=True):
    """A file of a finetune."""

    id: str
    finetune_id: str
    file_name: str
    created_at: str


class FinetuneStore:
    """Reads and writes the finetunes of a state folder. Blocking. Raises StateUnavailable."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state

    def all(self) -> list[Finetune]:
        """Every finetune, oldest first."""
        return self._select("ORDER BY created_at, name")

    def find(self, name: str) -> Finetune | None:
        """The finetune of this name, or else of this id."""
        return next(iter(self._select("WHERE ?1 IN (name, id) ORDER BY name = ?1 DESC", name)), None)

    def add(self, model: str, name: str, description: str, *, public: bool) -> Finetune:
        """A new finetune, without files. Raises FinetuneRefused for a name that is taken, and for one too many."""
        now = _now()
        made = Finetune(str(uuid.uuid4()), name, model, description, public, now, now)
        with self._writing() as database:
            (count,) = database.execute("SELECT COUNT(*) FROM finetunes").fetchone()
            if count >= MAX_FINETUNES:
                raise FinetuneRefused(
                    f"expected at most {MAX_FINETUNES} finetunes; there are {count}",
                    hint="`paddock state reset --only finetunes` removes all.",
                )
            try:
                if database.execute("SELECT 1 FROM finetunes WHERE id = ?", (name,)).fetchone():
                    raise sqlite3.IntegrityError  # calls name either, and would get another adapter from now on
                database.execute("INSERT INTO finetunes VALUES (?, ?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(made))
            except sqlite3.IntegrityError:
                raise FinetuneRefused(f"name: there is a finetune {name} already; choose another name") from None
        return made

    def file(self, finetune: Finetune, file_name: str) -> Path:
        """Where a file of a finetune is, or would be. Only names of FILES have a place."""
        assert file_name in FILES, "an unknown name has been refused before"
        return self._state.file(_FOLDER, finetune.id, file_name)

    def has(self, finetune: Finetune, file_name: str) -> bool:
        """Whether a file has been accepted."""
        with self._reading() as database:
            query = "SELECT 1 FROM assets WHERE finetune_id = ? AND file_name = ?"
            return database.execute(query, (finetune.id, file_name)).fetchone() is not None

    def accept(self, finetune: Finetune, file_name: str, received: Path, check: Callable[[], None]) -> Asset:
        """Move a file into its place. Raises FinetuneRefused when there is one already, and whatever `check` raises.

        Nobody else writes while `check` looks at the other file: of two that do not fit, the later one is refused.
        """
        asset = Asset(str(uuid.uuid4()), finetune.id, file_name, _now())
        with self._writing() as database:
            try:
                row = (asset.finetune_id, asset.file_name, asset.id, asset.created_at)
                database.execute("INSERT INTO assets VALUES (?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise replaced(finetune, file_name) from None
            check()
            database.execute("UPDATE finetunes SET modified_at = ? WHERE id = ?", (asset.created_at, finetune.id))
            received.replace(self.file(finetune, file_name))  # takes the place of a link, and follows none
        return asset

    def scratch(self, finetune: Finetune) -> Path:
        """A path for a file that is being received, on the disk on which it will stay.

        Takes away what a process left that was killed in the middle of an upload.
        """
        with keeping(_FOLDER):
            path = self._state.file(_FOLDER, finetune.id, f"{_SCRATCH}{uuid.uuid4()}")
            for left in path.parent.glob(f"{_SCRATCH}*"):
                with contextlib.suppress(FileNotFoundError):  # an upload beside this one has just ended
                    if time.time() - left.stat(follow_symlinks=False).st_mtime > _UPLOAD_S:
                        left.unlink()
            return path

    def _select(self, rest: str, *values: str) -> list[Finetune]:
        names = Finetune.__struct_fields__
        with self._reading() as database:
            rows = database.execute(f"SELECT {', '.join(names)} FROM finetunes {rest}", values).fetchall()
        return [msgspec.convert(dict(zip(names, row, strict=True)), Finetune, strict=False) for row in rows]

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """The database as it is; an empty one in memory while there is none, so that a look makes no files."""
        file = self._state.path / _DATABASE
        return opened(_FOLDER, lambda: file if file.is_file() else ":memory:", _SCHEMA)

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        script = f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA}"
        return transaction(_FOLDER, lambda: self._state.file(_DATABASE), script)


def replaced(finetune: Finetune, file_name: str) -> FinetuneRefused:
    """The error for a file that is there already. Source: developer docs: assets cannot be replaced."""
    return FinetuneRefused(
        f"{file_name}: {finetune.name} has this file already, and it cannot be replaced", hint="Create a new finetune."
    )


def _now() -> str:
    now = datetime.datetime.now(datetime.UTC)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
