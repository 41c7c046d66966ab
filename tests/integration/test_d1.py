"""env.DB in a handler, through the official SDK and as raw binding, against a database on disk."""

from collections.abc import Callable
from typing import Any

import pytest

from .snippets import SNIPPETS

SOURCE = f"""{SNIPPETS}
import datetime
from js import Object
from pyodide.ffi import JsException, to_js

SCHEMA = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n REAL, b BLOB)"

class Default(SnippetEntrypoint):
    async def fetch(self, request):
        db = self.env.DB
        await db.exec(SCHEMA)
        try:
            return Response.json(await self.run(request, self=self, db=db))
        except JsException as error:
            return Response.json([error.message, error.cause.message])
"""
SETTINGS: dict[str, Any] = {"d1_databases": [{"binding": "DB", "database_name": "test", "database_id": "test"}]}
pytestmark = pytest.mark.paddock(source=SOURCE, settings=SETTINGS)


@pytest.fixture
def ask(run_code) -> Callable[[str], object]:
    """`ask(code)`: the JSON that the code returns; `db` is the binding, and has a table `t`."""
    return lambda code: run_code(code).json()


def test_statements_bring_rows_in_every_form(ask) -> None:
    body = """
    insert = db.prepare("INSERT INTO t (a, n, b) VALUES (?1, ?2, ?3)")
    done = await insert.bind("x", 1.5, b"\\x00\\xff").run()
    await insert.bind(None, True, None).run()
    select = db.prepare("SELECT id, a, n, b FROM t ORDER BY id")
    everything = await select.all()
    first, names = await select.first(), await select.raw(columnNames=True)
    return [
        done.success, done.meta.changes, done.meta.last_row_id, done.results, list(everything), everything.results,
        first.a, await select.first("n"), await db.prepare("SELECT 1 WHERE 0").first(), names, await select.raw(),
        (await select.run()).results == everything.results,
    ]
    """
    objects = [{"id": 1, "a": "x", "n": 1.5, "b": [0, 255]}, {"id": 2, "a": None, "n": 1, "b": None}]
    arrays = [[1, "x", 1.5, [0, 255]], [2, None, 1, None]]
    assert ask(body) == [
        True, 1, 1, [], ["success", "meta", "results"], objects,
        "x", 1.5, None, [["id", "a", "n", "b"], *arrays], arrays,
        True,
    ]  # fmt: skip


def test_a_batch_is_one_transaction(ask) -> None:
    body = """
    insert = db.prepare("INSERT INTO t (a) VALUES (?)")
    found = await db.batch([insert.bind("x"), db.prepare("SELECT a FROM t")])
    try:
        await db.batch([insert.bind("y"), db.prepare("PUT IN t")])
    except JsException as error:
        failed = error.message
    return [found[0].meta.changes, found[1].results, failed, (await db.prepare("SELECT a FROM t").all()).results]
    """
    failed = 'D1_ERROR: near "PUT": syntax error at offset 0: SQLITE_ERROR'
    assert ask(body) == [1, [{"a": "x"}], failed, [{"a": "x"}]]


def test_exec_takes_each_line_for_a_statement(ask) -> None:
    body = """
    done = await db.exec("INSERT INTO t (a) VALUES ('x');\\nINSERT INTO t (a) VALUES ('y')")
    return [done["count"], done["duration"] > 0, await db.prepare("SELECT count(*) AS n FROM t").first("n")]
    """
    assert ask(body) == [2, True, 2]


def test_sessions_have_bookmarks_that_grow(ask) -> None:
    body = """
    session = db.withSession("first-primary")
    before = session.getBookmark()
    await session.prepare("SELECT 1").all()
    first = session.getBookmark()
    await session.batch([session.prepare("SELECT 2")])
    again = db.withSession(session.getBookmark())
    return [before, first < session.getBookmark() == again.getBookmark(), len(first)]
    """
    assert ask(body) == [None, True, 59]


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        ('db.prepare("SELECT nope").all()', "D1_ERROR: no such column: nope at offset 7: SQLITE_ERROR", None),
        ('db.prepare("SELECT 1 AS a").first("b")', "D1_COLUMN_NOTFOUND: Column not found (b)", "Column not found"),
        ('db.exec("SELECT 1\\nNO")', ('D1_EXEC_ERROR: Error in line 1: SELECT 1: near "NO": syntax error at offset 0: '
         "SQLITE_ERROR"), None),
        ("db.dump()", "D1_DUMP_ERROR: Status + 404", None),
        ('db.prepare("SELECT ?").bind({"a": 1}).all()',
         "D1_TYPE_ERROR: Type 'object' not supported for value '[object Object]'", None),
        ('db.prepare("SELECT ?").bind(2**60).all()',
         "D1_TYPE_ERROR: Type 'bigint' not supported for value '1152921504606846976'", None),
    ],
)  # fmt: skip
def test_failures_have_production_s_texts_and_a_cause(ask, code: str, message: str, cause: str | None) -> None:
    assert ask(f"return await {code}") == [message, cause or message.partition(": ")[2]]


@pytest.mark.paddock(settings={**SETTINGS, "compatibility_flags": ["python_workers", "disable_python_external_sdk"]})
def test_undefined_is_no_value(ask) -> None:
    """Where the SDK does not wrap bindings, None is undefined."""
    body = 'return await db.prepare("SELECT ?").bind(None).all()'
    message = "Type 'undefined' not supported for value 'undefined'"
    assert ask(body) == [f"D1_TYPE_ERROR: {message}", message]
