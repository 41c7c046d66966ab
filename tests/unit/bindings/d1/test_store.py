"""A D1 database on disk: transactions, values, what SQL may not do, and the texts of what it refuses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from paddock.bindings.d1.failures import Refused
from paddock.bindings.d1.store import D1Store, Query, Rows

SCHEMA = Query("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, n INTEGER NOT NULL DEFAULT 0, b BLOB)")
TRANSACTION = "To execute a transaction, please use the state.storage.transaction() or "


def run(folder: Path, *requests: list[Query], timeout_s: float = 30.0) -> list[list[Rows] | str]:
    """What each request brings, one after the other: its results, or the text of its refusal."""

    async def main() -> list[list[Rows] | str]:
        store = D1Store(lambda: folder / "database.sqlite", timeout_s=timeout_s)
        found: list[list[Rows] | str] = []
        for queries in requests:
            try:
                found.append(await store.run(queries))
            except Refused as refused:
                found.append(str(refused))
        await store.close()
        return found

    return asyncio.run(main())


def rows(found: list[Rows] | str) -> object:
    return found if isinstance(found, str) else [list(row) for row in found[-1].rows]


def test_a_request_happens_whole_or_not_at_all(tmp_path: Path) -> None:
    insert = Query("INSERT INTO t (a) VALUES (?)", ["x"])
    failing = [insert, Query("INSERT INTO t (a, n) VALUES ('y', NULL)")]
    _, failed, count = run(tmp_path, [SCHEMA], failing, [Query("SELECT count(*) FROM t")])
    assert failed == "NOT NULL constraint failed: t.n: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_NOTNULL)"
    assert rows(count) == [[0]]


def test_foreign_keys_are_held_to_at_the_latest_when_a_request_ends(tmp_path: Path) -> None:
    tables = [Query("CREATE TABLE p (id INTEGER PRIMARY KEY)"), Query("CREATE TABLE c (p REFERENCES p (id))")]
    late = [Query("PRAGMA defer_foreign_keys = on"), Query("INSERT INTO c VALUES (1)")]
    failed = "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)"
    found = run(tmp_path, tables, late[1:], late, [*late, Query("INSERT INTO p VALUES (1)")])
    assert [found[1], found[2], rows(found[3])] == [failed, failed, []]


def test_numbers_are_real_until_a_column_makes_them_whole(tmp_path: Path) -> None:
    """As in production, where a number in a column of texts has a point."""
    insert = Query("INSERT INTO t (id, a, n, b) VALUES (?, ?, ?, ?)", [1.0, 5.0, 7.0, [0, 255]])
    _, _, found, kinds = run(
        tmp_path, [SCHEMA], [insert], [Query("SELECT * FROM t")], [Query("SELECT typeof(?), ?", [1.0, None])]
    )
    assert (rows(found), rows(kinds)) == ([[1, "5.0", 7, [0, 255]]], [["real", None]])


def test_meta_tells_what_changed(tmp_path: Path) -> None:
    _, inserted, read = run(
        tmp_path, [SCHEMA], [Query("INSERT INTO t (a) VALUES ('x'), ('y')")], [Query("SELECT a FROM t")]
    )
    assert not isinstance(inserted, str)
    assert not isinstance(read, str)
    told = ("changes", "last_row_id", "changed_db", "rows_read", "rows_written")
    assert [inserted[0].meta[name] for name in told] == [2, 2, True, 0, 2]
    assert [read[0].meta[name] for name in told] == [0, 2, False, 2, 0]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("INVALID SQL", 'near "INVALID": syntax error at offset 0: SQLITE_ERROR'),
        ("SELECT ')' FROM t WHERE )", 'near ")": syntax error at offset 24: SQLITE_ERROR'),
        ("SELECT nope FROM t", "no such column: nope at offset 7: SQLITE_ERROR"),
        ("SELECT * FROM nope", "no such table: nope: SQLITE_ERROR"),
        ("SELECT ?", "Wrong number of parameter bindings for SQL query."),
        (
            "SELECT ?; SELECT 1",
            "When executing multiple SQL statements in a single call, only the last statement can have parameters.",
        ),
        ("\n -- nothing", "No SQL statements detected."),
        (";", "SQL code did not contain a statement."),
        (f"SELECT {'?,' * 100}?", "too many SQL variables: SQLITE_ERROR"),
        (f"SELECT 1 {' ' * 100_000}", "statement too long: SQLITE_TOOBIG"),
    ],
)
def test_what_sqlite_refuses_has_the_text_of_production(tmp_path: Path, sql: str, text: str) -> None:
    params = ["x"] if sql.startswith("SELECT ?;") else None
    assert run(tmp_path, [SCHEMA], [Query(sql, params)])[1] == text  # type: ignore[arg-type]  # a list of one value


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH DATABASE '{other}' AS other",
        "VACUUM INTO '{other}'",
        "CREATE TEMP TABLE x (a)",
        "CREATE TABLE _cf_KV (a)",
        "CREATE VIRTUAL TABLE x USING dbstat",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA temp_store_directory = '{other}'",
        "PRAGMA writable_schema = 1",
        "SELECT load_extension('{other}')",
        "SELECT sqlite_version()",
        "SELECT * FROM pragma_database_list",
    ],
)
def test_sql_stays_in_its_file(tmp_path: Path, sql: str) -> None:
    other = tmp_path / "other.sqlite"
    (found,) = run(tmp_path, [Query(sql.format(other=other))])
    assert isinstance(found, str), f"it was let through: {found}"
    assert not other.exists()


@pytest.mark.parametrize("sql", ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT x", "RELEASE x"])
def test_transactions_belong_to_the_binding(tmp_path: Path, sql: str) -> None:
    """Also when the binding has run the very same statement before: the authorizer is asked each time."""
    found = run(tmp_path, [SCHEMA], [Query("INSERT INTO t (a) VALUES ('x')"), Query(sql)], [Query("SELECT * FROM t")])
    assert str(found[1]).startswith(TRANSACTION)
    assert rows(found[2]) == []


def test_a_query_without_end_is_ended(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    found = run(tmp_path, [Query(endless)], [Query("SELECT 1")], timeout_s=0.05)
    assert found[0] == "D1 DB storage operation exceeded timeout which caused object to be reset."
    assert rows(found[1]) == [[1]]


def test_a_result_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE c (x) AS (SELECT hex(zeroblob(1000000)) UNION ALL SELECT x FROM c) SELECT x FROM c"
    (found,) = run(tmp_path, [Query(endless)])
    assert isinstance(found, str)
    assert found.startswith("The result has more than 100000000 bytes")


def test_closing_ends_what_still_runs(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

    async def main() -> None:
        store = D1Store(lambda: tmp_path / "database.sqlite")
        ended, closed = await asyncio.gather(store.run([Query(endless)]), store.close(), return_exceptions=True)
        assert (type(ended), closed) == (Refused, None)

    asyncio.run(main())
