"""Asynchronous batches in SQLite: what was accepted is there after any end of the process, with what it came to."""

from __future__ import annotations

import datetime
import fcntl
import uuid
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from paddock.bindings.ai.keeping import keeping, opened, transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from io import BufferedWriter
    from pathlib import Path

    from paddock.bindings.state import StateFolder

__all__ = ["Answered", "Batch", "BatchStore", "Item"]

_DATABASE: Final = "batches.sqlite"
_NAME: Final = "batches"
#: Locked by every server that runs batches, for as long as it lives: the kernel unlocks it at any end of a process.
_LOCK: Final = "batches.lock"
#: Answers that nobody has fetched are kept as long. Ours; production's time is not known.
_KEPT: Final = datetime.timedelta(days=7)
_SCRIPT: Final = """
PRAGMA journal_mode = WAL;
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
    """One request of a batch that is done, and its answer. Requests are in the order of the batch."""

    reference: str | None
    starts: int
    answer: dict[str, object]


class Batch(NamedTuple):
    """What a poll finds."""

    #: `queued`, `running` or `done`.
    status: str
    #: When it is done.
    items: list[Answered]


class BatchStore:
    """Reads and writes the batches of a state folder. Blocking. Raises StateUnavailable."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._lock: BufferedWriter | None = None

    def close(self) -> None:
        """Run no more of them."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

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
        with self._connection() as database:
            states = {
                state
                for (state,) in database.execute(
                    "SELECT DISTINCT state FROM items JOIN batches ON batch = id WHERE id = ? AND model = ?",
                    (id, model),
                )
            }
            if states != {"done"}:  # polls come often, and answers are many
                return Batch("queued" if states == {"queued"} else "running", []) if states else None
            query = "SELECT reference, starts, answer FROM items WHERE batch = ? ORDER BY place"
            decode = msgspec.json.Decoder(dict[str, object]).decode
            rows = database.execute(query, (id,)).fetchall()
        return Batch("done", [Answered(reference, starts, decode(answer)) for reference, starts, answer in rows])

    def has_open(self) -> bool:
        """Whether any request has no answer yet."""
        if not (self._state.path / _DATABASE).is_file():
            return False
        with self._connection() as database:
            return database.execute("SELECT 1 FROM items WHERE state != 'done' LIMIT 1").fetchone() is not None

    def recover(self) -> int:
        """Queue again what ran when a process ended, and forget what is old. Returns how many will run again.

        Nothing is done while another server of this state folder is there: what runs may be its own.
        """
        if not (self._state.path / _DATABASE).is_file():
            return 0
        with keeping(_NAME):
            lock = self._locked()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._recover()
            except BlockingIOError:
                return 0
            finally:
                fcntl.flock(lock, fcntl.LOCK_SH)  # also where there is no other: what fails takes the old lock away

    def _locked(self) -> BufferedWriter:
        """The lock, shared with other servers."""
        if self._lock is None:
            self._lock = self._state.file(_LOCK).open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_SH)
        return self._lock

    def _recover(self) -> int:
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
            self._locked()
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

    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(_NAME, self._place, _SCRIPT)

    def _connection(self) -> AbstractContextManager[sqlite3.Connection]:
        return opened(_NAME, self._place, _SCRIPT)

    def _place(self) -> Path:
        return self._state.file(_DATABASE)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
