"""One D1 database in one SQLite file.

Everything that touches the file runs in the store's own thread, one request after the other, each in a transaction.
Results and `meta` are those of production's local form. Source: Miniflare, workers/d1.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.bindings.d1.failures import Refused, refusal
from paddock.bindings.d1.rules import NO_TRANSACTIONS, Rules
from paddock.bindings.d1.statements import has_code, split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["D1Store", "Query", "Rows"]

#: What a parameter may be; an array holds the bytes of a blob.
_Value = float | str | list[int] | None

#: Another dev server of the same project may be writing.
_LOCK_TIMEOUT_S: Final = 5.0
#: Source: developer docs, "D1 limits": a query takes 30 seconds at most.
_QUERY_TIMEOUT_S: Final = 30.0
_TIMED_OUT: Final = "D1 DB storage operation exceeded timeout which caused object to be reset."
#: Steps of SQLite's machine between two looks at the clock.
_STEPS: Final = 10_000
#: Ours: a result is made in memory.
_MAX_RESULT_BYTES: Final = 100_000_000


class Query(msgspec.Struct, frozen=True):
    """SQL, and the values of its parameters in their order."""

    sql: str
    params: list[_Value] | None = None


class Rows(msgspec.Struct, frozen=True):
    """What a query found and did. Blobs are arrays of numbers."""

    columns: list[str]
    rows: list[Sequence[object]]
    meta: dict[str, object]


class D1Store:
    """Reads and writes one database. `locate` makes the folder and names the file, with the first request."""

    def __init__(self, locate: Callable[[], Path], *, timeout_s: float = _QUERY_TIMEOUT_S) -> None:
        self._locate = locate
        self._timeout_s = timeout_s
        self._executor = ThreadPoolExecutor(1, "d1")
        self._is_used = False
        self._database: sqlite3.Connection | None = None
        self._rules: Rules | None = None
        self._deadline = 0.0
        self._is_closing = False

    async def run(self, queries: list[Query]) -> list[Rows]:
        """Run queries in one transaction: all of them, or none. Raises Refused, sqlite3.Error and OSError."""
        self._is_used = True
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, queries)

    async def close(self) -> None:
        """Close the file. No other call may follow."""
        self._is_closing = True
        if self._is_used:  # or there would be a thread for nothing
            await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown(wait=False)

    def _run(self, queries: list[Query]) -> list[Rows]:
        queries = [query for query in queries if has_code(query.sql)]
        if not queries:
            raise Refused("No SQL statements detected.")
        database, rules = self._open()
        database.execute("BEGIN IMMEDIATE")
        try:
            found = [self._query(database, rules, query) for query in queries]
            rules.trusted = True
            database.execute("COMMIT")
        except sqlite3.Error as error:  # of the commit: a constraint that was deferred
            raise refusal(error, "COMMIT") from error
        finally:
            rules.trusted = True
            if database.in_transaction:
                database.execute("ROLLBACK")
        return found

    def _query(self, database: sqlite3.Connection, rules: Rules, query: Query) -> Rows:
        statements = split(query.sql)
        if not statements:
            raise Refused("SQL code did not contain a statement.")
        began, changes = time.perf_counter(), database.total_changes
        last_row, size = _last_row(database), _size(database)
        self._deadline = time.monotonic() + self._timeout_s
        for statement in statements[:-1]:
            _execute(database, rules, statement, [], is_last=False)
        columns, rows = _execute(database, rules, statements[-1], query.params or [], is_last=True)
        changed, row, size_after = database.total_changes - changes, _last_row(database), _size(database)
        meta = {
            "served_by": "paddock.db",
            "duration": (time.perf_counter() - began) * 1000,
            "changes": changed,
            "last_row_id": row,
            "changed_db": bool(changed) or row != last_row or size_after != size,
            "size_after": size_after,
            "rows_read": len(rows),
            "rows_written": changed,
        }
        return Rows(columns, rows, meta)

    def _open(self) -> tuple[sqlite3.Connection, Rules]:
        if self._database is None or self._rules is None:
            # Without an isolation level, transactions are those that we begin.
            # Without a cache of statements, because the authorizer is asked only when one is compiled.
            database = sqlite3.connect(
                self._locate(), timeout=_LOCK_TIMEOUT_S, isolation_level=None, cached_statements=0
            )
            database.text_factory = lambda data: data.decode(errors="replace")
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                database.execute(f"PRAGMA {pragma}")
            database.set_progress_handler(self._is_late, _STEPS)
            self._database, self._rules = database, Rules(database)
        return self._database, self._rules

    def _is_late(self) -> bool:
        assert self._rules is not None, "they are made with the connection"
        return not self._rules.trusted and (self._is_closing or time.monotonic() > self._deadline)

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()


def _execute(
    database: sqlite3.Connection, rules: Rules, sql: str, params: list[_Value], *, is_last: bool
) -> tuple[list[str], list[Sequence[object]]]:
    """Names of the columns, and all rows. Raises Refused."""
    rules.trusted = rules.refused_transaction = False
    try:
        cursor = database.execute(sql, [_bound(value) for value in params])
        columns = [str(column[0]) for column in cursor.description or ()]
        rows: list[Sequence[object]] = []
        size = 0
        for row in cursor:  # one by one: a few of them may be too many
            rows.append([_shown(value) for value in row])
            size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
            if size > _MAX_RESULT_BYTES:
                raise Refused(f"The result has more than {_MAX_RESULT_BYTES} bytes: use LIMIT, and ask again.")
        return columns, rows
    except (sqlite3.Error, sqlite3.Warning) as error:
        if rules.refused_transaction:
            raise Refused(NO_TRANSACTIONS) from error
        if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            raise Refused(_TIMED_OUT) from error
        failure = error if isinstance(error, sqlite3.Error) else sqlite3.ProgrammingError(str(error))
        reason = refusal(failure, sql)
        if not is_last and "bindings" in str(error):
            reason = Refused(
                "When executing multiple SQL statements in a single call, only the last statement can have parameters."
            )
        raise reason from error
    finally:
        rules.trusted = True


def _bound(value: _Value) -> float | str | bytes | None:
    """A parameter as production binds it: every number is a REAL, which a column's affinity makes whole again."""
    if isinstance(value, list):
        return bytes(number & 0xFF for number in value)
    return float(value) if isinstance(value, int | float) else value


def _shown(value: object) -> object:
    return list(value) if isinstance(value, bytes) else value


def _last_row(database: sqlite3.Connection) -> int:
    return _number(database, "SELECT last_insert_rowid()")


def _size(database: sqlite3.Connection) -> int:
    """Bytes of the database, what is not committed yet included."""
    return _number(database, "PRAGMA page_count") * _number(database, "PRAGMA page_size")


def _number(database: sqlite3.Connection, sql: str) -> int:
    row: Any = database.execute(sql).fetchone()
    return int(row[0])
