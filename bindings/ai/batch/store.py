"""Asynchronous batches in SQLite: what was accepted is there after any end of the process, with what it came to."""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
import uuid
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paddock.bindings.state import StateFolder

__all__ = ["Answered", "Batch", "BatchStore", "Item"]

_DATABASE: Final = "batches.sqlite"
#: Another dev server of the same project may be writing.
_LOCK_TIMEOUT_S: Final = 5.0
#: Answers that nobody has fetched are kept as long. Ours; production's time is not known.
_KEPT: Final = datetime.timedelta(days=7)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS batches (id TEXT PRIMARY KEY, model TEXT NOT NULL, created_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
  number INTEGER PRIMARY KEY, batch TEXT NOT NULL REFERENCES batches (id), place INTEGER NOT NULL,
  reference TEXT, inputs BLOB NOT NULL, state TEXT NOT NULL, starts INTEGER NOT NULL, answer BLOB
);
CREATE UNIQUE INDEX IF NOT EXISTS items_by_batch ON items (batch, place);
CREATE INDEX IF NOT EXISTS items_to_do ON items (number) WHERE state = 'queued';
"""


class Item(NamedTuple):
    """One request of a batch that is to be run. `starts` counts this one."""

    number: int
    model: str
    inputs: object
    starts: int


class Answered(NamedTuple):
    """One request of a batch and, once it has run, its answer. Requests are in the order of the batch."""

    reference: str | None
    state: str
    starts: int
    answer: dict[str, object] | None


class Batch(NamedTuple):
    """What a poll finds."""

    items: list[Answered]

    @property
    def status(self) -> str:
        """`queued`, `running` or `done`."""
        states = {item.state for item in self.items}
        return "done" if states == {"done"} else "queued" if states == {"queued"} else "running"


class BatchStore:
    """Reads and writes the batches of a state folder. Blocking. Raises sqlite3.Error and OSError."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state

    def add(self, model: str, requests: Sequence[tuple[str | None, object]]) -> str:
        """Accept a batch of (reference, inputs). Returns its id once it is on the disk."""
        id = str(uuid.uuid4())
        with self._transaction() as database:
            database.execute("INSERT INTO batches VALUES (?, ?, ?)", (id, model, _now().isoformat()))
            database.executemany(
                "INSERT INTO items (batch, place, reference, inputs, state, starts) VALUES (?, ?, ?, ?, 'queued', 0)",
                [
                    (id, place, reference, msgspec.json.encode(inputs))
                    for place, (reference, inputs) in enumerate(requests)
                ],
            )
        return id

    def find(self, model: str, id: str) -> Batch | None:
        """A batch of a model, None where there is none of this id."""
        if not (self._state.path / _DATABASE).is_file():
            return None
        with self._transaction() as database:
            rows = database.execute(
                "SELECT reference, state, starts, answer FROM items JOIN batches ON batch = id "
                "WHERE id = ? AND model = ? ORDER BY place",
                (id, model),
            ).fetchall()
        if not rows:
            return None
        decode = msgspec.json.Decoder(dict[str, object]).decode
        return Batch(
            [
                Answered(reference, state, starts, None if answer is None else decode(answer))
                for reference, state, starts, answer in rows
            ]
        )

    def recover(self) -> int:
        """Queue again what ran when a process ended, and forget what is old. Returns how many will run again."""
        if not (self._state.path / _DATABASE).is_file():
            return 0
        with self._transaction() as database:
            old = ((_now() - _KEPT).isoformat(),)
            database.execute("DELETE FROM items WHERE batch IN (SELECT id FROM batches WHERE created_at < ?)", old)
            database.execute("DELETE FROM batches WHERE created_at < ?", old)
            return database.execute("UPDATE items SET state = 'queued' WHERE state = 'running'").rowcount

    def take(self) -> Item | None:
        """The oldest request that waits, which runs from now on."""
        if not (self._state.path / _DATABASE).is_file():
            return None
        with self._transaction() as database:
            row = database.execute(
                "UPDATE items SET state = 'running', starts = starts + 1 WHERE number = "
                "(SELECT number FROM items WHERE state = 'queued' ORDER BY number LIMIT 1) "
                "RETURNING number, (SELECT model FROM batches WHERE id = batch), inputs, starts"
            ).fetchone()
        return None if row is None else Item(row[0], row[1], msgspec.json.decode(row[2]), row[3])

    def put_back(self, number: int) -> None:
        """Have a request wait again."""
        with self._transaction() as database:
            database.execute("UPDATE items SET state = 'queued' WHERE number = ?", (number,))

    def finish(self, number: int, answer: dict[str, object]) -> None:
        """Keep what a request came to."""
        with self._transaction() as database:
            row = (msgspec.json.encode(answer), number)
            database.execute("UPDATE items SET state = 'done', answer = ? WHERE number = ?", row)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Alone, and whole or not at all."""
        file = self._state.file(_DATABASE)
        with contextlib.closing(sqlite3.connect(file, timeout=_LOCK_TIMEOUT_S, isolation_level=None)) as database:
            database.executescript(f"PRAGMA journal_mode = WAL; {_SCHEMA}")
            database.execute("BEGIN IMMEDIATE")
            with database:  # commits, or rolls back
                yield database


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
