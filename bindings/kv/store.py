"""One KV namespace in one SQLite file.

Everything that touches the file runs in the store's own thread, one call after the other: SQLite has one writer, and
the event loop never waits for the disk. A large value is read piece by piece over a connection of its own, whose
snapshot stays as it is while others write (SQLite's write-ahead log).
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Final, NamedTuple, ParamSpec, TypeVar

from paddock.bindings.kv.large import PIECE_BYTES, LargeValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Entry", "KvStore", "Listed", "Page"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Values up to this size are handed over whole.
_WHOLE_BYTES: Final = 256 * 1024
#: Pages that a connection for one large value keeps: it reads each of them once.
_LARGE_CACHE_KIB: Final = 128
#: Another dev server of the same project may be writing.
_LOCK_TIMEOUT_S: Final = 5.0
#: Keys are bytes: SQLite's functions on text stop at a NUL, which a key may have.
_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS entries (
  key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL, expiration INTEGER, metadata TEXT
);
CREATE INDEX IF NOT EXISTS entries_by_expiration ON entries (expiration) WHERE expiration IS NOT NULL;
"""
_FIND: Final = f"""
SELECT rowid, CASE WHEN length(value) <= {_WHOLE_BYTES} THEN value END, expiration, metadata
FROM entries WHERE key = ? AND (expiration IS NULL OR expiration > ?)
"""
_LIST: Final = """
SELECT key, expiration, metadata FROM entries
WHERE key >= :prefix AND key < :end AND key > :after AND (expiration IS NULL OR expiration > :now)
ORDER BY key LIMIT :limit
"""
#: No key has this byte, which UTF-8 does not use: a prefix and it are behind every key with the prefix.
_BEHIND: Final = b"\xff"


class Entry(NamedTuple):
    """A value with what belongs to it. `expiration` is in seconds since 1970, `metadata` is JSON."""

    value: bytes | LargeValue
    expiration: int | None
    metadata: str | None


class Listed(NamedTuple):
    """One key of a list."""

    key: bytes
    expiration: int | None
    metadata: str | None


class Page(NamedTuple):
    """Part of a list. `is_complete` is False when more keys follow the last one."""

    keys: list[Listed]
    is_complete: bool


class KvStore:
    """Reads and writes one namespace. `locate` makes the folder and names the file, with the first call.

    `now` tells the time in seconds since 1970. Raises: sqlite3.Error and OSError from every method but `close`.
    """

    def __init__(self, locate: Callable[[], Path], *, now: Callable[[], float] = time.time) -> None:
        self._locate = locate
        self.now = now
        self._executor = ThreadPoolExecutor(1, "kv")
        self._is_used = False
        self._database: sqlite3.Connection | None = None
        self._large: set[LargeValue] = set()
        self._is_closing = False

    async def get(self, key: bytes) -> Entry | None:
        """The entry of a key, None when there is none or no longer. A large value must be read or cancelled."""
        self._is_used = True
        reading = asyncio.get_running_loop().run_in_executor(self._executor, self._get, key)
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            reading.add_done_callback(self._let_go)
            raise

    async def put(self, key: bytes, value: bytes | IO[bytes], expiration: int | None, metadata: str | None) -> None:
        """Write an entry, in place of an older one, whole or not at all. A file is read from its beginning."""
        await self._run(self._put, key, value, expiration, metadata)

    async def delete(self, key: bytes) -> None:
        """Remove an entry, if there is one."""
        await self._run(lambda: self._open().execute("DELETE FROM entries WHERE key = ?", (key,)))

    async def list(self, prefix: bytes, after: bytes, limit: int) -> Page:
        """Up to `limit` keys with a prefix, behind the key `after`, in the order of their bytes."""
        return await self._run(self._list, prefix, after, limit)

    async def close(self) -> None:
        """Close the file. No other call may follow."""
        self._is_closing = True
        if self._is_used:  # or there would be a thread for nothing
            await self._run(self._close)
        self._executor.shutdown(wait=False)

    async def _run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        assert not kwargs, "an executor passes on positions only"
        self._is_used = True
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            database = self._connect()
            database.executescript(_SCHEMA)
            self._database = database
        return self._database

    def _connect(self) -> sqlite3.Connection:
        # Without an isolation level, transactions are those that we begin.
        return sqlite3.connect(self._locate(), timeout=_LOCK_TIMEOUT_S, isolation_level=None)

    def _get(self, key: bytes) -> Entry | None:
        row = self._open().execute(_FIND, (key, self.now())).fetchone()
        if row is None:
            return None
        _, value, expiration, metadata = row
        return self._get_large(key) if value is None else Entry(value, expiration, metadata)

    def _get_large(self, key: bytes) -> Entry | None:
        """Look again, over a new connection: from its first read on, it sees the file as it is now."""
        with contextlib.ExitStack() as stack:
            database = stack.enter_context(contextlib.closing(self._connect()))
            database.execute(f"PRAGMA cache_size = -{_LARGE_CACHE_KIB}")
            database.execute("BEGIN")
            row = database.execute(_FIND, (key, self.now())).fetchone()
            if row is None:
                return None
            rowid, value, expiration, metadata = row
            if value is None:
                blob = stack.enter_context(database.blobopen("entries", "value", rowid, readonly=True))
                value = LargeValue(self._executor, blob, stack.pop_all(), self._large)
            return Entry(value, expiration, metadata)

    def _let_go(self, reading: asyncio.Future[Entry | None]) -> None:
        """Close a large value that nobody waits for any more, unless the store is about to."""
        if self._is_closing:
            return
        entry = None if reading.cancelled() or reading.exception() else reading.result()
        if entry is not None and isinstance(entry.value, LargeValue):
            self._executor.submit(entry.value.close)

    def _put(self, key: bytes, value: bytes | IO[bytes], expiration: int | None, metadata: str | None) -> None:
        with self._writing() as database:
            database.execute("DELETE FROM entries WHERE expiration <= ?", (self.now(),))
            insert = "INSERT OR REPLACE INTO entries (key, value, expiration, metadata) VALUES (?, {}, ?, ?)"
            if isinstance(value, bytes):
                database.execute(insert.format("?"), (key, value, expiration, metadata))
                return
            size = value.seek(0, 2)
            value.seek(0)
            row = database.execute(insert.format("zeroblob(?)"), (key, size, expiration, metadata)).lastrowid
            assert row is not None, "an insert has a row"
            with database.blobopen("entries", "value", row) as blob:
                while piece := value.read(PIECE_BYTES):
                    blob.write(piece)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: what happens in it happens whole, or, when something raises, not at all."""
        database = self._open()
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    def _list(self, prefix: bytes, after: bytes, limit: int) -> Page:
        names = {"prefix": prefix, "end": prefix + _BEHIND, "after": after, "now": self.now(), "limit": limit + 1}
        rows = self._open().execute(_LIST, names).fetchall()
        return Page([Listed(*row) for row in rows[:limit]], len(rows) <= limit)

    def _close(self) -> None:
        for value in list(self._large):
            value.close()
        if self._database is not None:
            self._database.close()
