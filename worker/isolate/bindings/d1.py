"""A D1 database as handlers see it: what workerd's own classes do, over their fetcher.

Source: workerd, internal/d1-api: requests, results, and the texts of exceptions are theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.d1.values import bound, failed, objects, raw_rows
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, jsnull, null, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.worker.isolate.web.fetch import Fetcher
    from paddock.worker.isolate.web.response import Response

__all__ = ["D1Database", "D1DatabaseSession", "D1PreparedStatement"]

_ORIGIN: Final = "http://d1"
_BOOKMARK: Final = "x-cf-d1-session-commit-token"
_UNCONSTRAINED: Final = "first-unconstrained"
_CONSTRAINTS: Final = (_UNCONSTRAINED, "first-primary")


class _Connection:
    """Sends queries, and keeps the bookmark where there is a session."""

    def __init__(self, fetcher: Fetcher, bookmark: str | None) -> None:
        self._fetcher = fetcher
        self.bookmark = bookmark

    async def send(self, path: str, body: object, form: str) -> object:
        """The answer of the database: an array of results, or an object with an error. Raises JsException."""
        headers = {"content-type": "application/json"}
        if self.bookmark is not None:
            headers[_BOOKMARK] = self.bookmark
        init = JsObject({"method": "POST", "headers": JsObject(headers), "body": jsonvalue.stringify(body)})
        response = await self._fetcher.fetch(f"{_ORIGIN}{path}?resultsFormat={form}", init)
        newer = response.headers.get(_BOOKMARK)
        if self.bookmark is not None and isinstance(newer, str):
            is_newer = self.bookmark in _CONSTRAINTS or newer > self.bookmark
            self.bookmark = newer if is_newer else self.bookmark
        return await _parsed(response)

    async def results(self, path: str, body: object, form: str) -> list[object]:
        """The results, each with `success`, `meta` and `results`. Raises JsException for what the database refuses."""
        answer = await self.send(path, body, form)
        if not isinstance(answer, JsArray):
            raise failed("D1_ERROR", read(answer, "error") or "Something went wrong")
        return list(answer)

    async def batch(self, statements: Iterable[object]) -> JsArray:
        """The results of several statements, which happen all or not at all."""
        queries = [_query(statement) for statement in statements]
        found = await self.results("/query", JsArray(queries), "ROWS_AND_COLUMNS")
        return JsArray(objects(result) for result in found)


class D1PreparedStatement(JsProxy):
    """A statement, with or without values for its parameters."""

    def __init__(self, connection: _Connection, statement: str, params: list[object]) -> None:
        super().__init__()
        self._connection = connection
        self.statement = statement
        self._params = params

    @property
    def params(self) -> JsArray:
        return JsArray(self._params)

    def bind(self, *values: object) -> D1PreparedStatement:
        """The same statement with these values. Raises an Error for a value that no column can hold."""
        return D1PreparedStatement(self._connection, self.statement, [bound(value) for value in values])

    @promised
    async def first(self, column: object = None) -> object:
        """The first row as an object, or its value in a column; null where there is no row."""
        rows = read(objects(await self._result("/query", "ROWS_AND_COLUMNS")), "results")
        if not isinstance(rows, JsArray) or not len(rows):
            return null()
        if column is None:
            return rows[0]
        members = rows[0]._members() if isinstance(rows[0], JsObject) else {}
        name = js_string(column)
        if name not in members:
            raise failed("D1_COLUMN_NOTFOUND", "Column not found", f" ({name})")
        return null() if members[name] is jsnull else members[name]

    @promised
    async def run(self) -> object:
        """An object with `success`, `meta` and `results`."""
        return await self._result("/execute", "NONE")

    @promised
    async def all(self) -> object:
        """An object with `success`, `meta` and `results`, an array of objects."""
        return objects(await self._result("/query", "ROWS_AND_COLUMNS"))

    @promised
    async def raw(self, options: object = None) -> object:
        """An array of rows, each an array; with `columnNames` the names are the first."""
        return raw_rows(await self._result("/query", "ROWS_AND_COLUMNS"), with_names=bool(read(options, "columnNames")))

    async def _result(self, path: str, form: str) -> object:
        return (await self._connection.results(path, _query(self), form))[0]


class D1DatabaseSession(JsProxy):
    """Queries that see each other's writes: here all of them do."""

    def __init__(self, fetcher: Fetcher, bookmark: str) -> None:
        super().__init__()
        self._connection = _Connection(fetcher, bookmark)

    def prepare(self, query: object) -> D1PreparedStatement:
        """A statement of this session."""
        return D1PreparedStatement(self._connection, js_string(query), [])

    @promised
    async def batch(self, statements: Iterable[object]) -> object:
        """Results of several statements in one transaction."""
        return await self._connection.batch(statements)

    def getBookmark(self) -> object:
        """The latest bookmark; null before the first query."""
        bookmark = self._connection.bookmark
        return null() if bookmark in _CONSTRAINTS else bookmark


class D1Database(JsProxy):
    """`env.DB`."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__()
        self._fetcher = fetcher
        self._connection = _Connection(fetcher, None)

    def prepare(self, query: object) -> D1PreparedStatement:
        """A statement, which runs with `first`, `run`, `all` or `raw`."""
        return D1PreparedStatement(self._connection, js_string(query), [])

    @promised
    async def batch(self, statements: Iterable[object]) -> object:
        """Results of several statements in one transaction."""
        return await self._connection.batch(statements)

    @promised
    async def exec(self, query: object) -> object:
        """Run each line of a text as a statement of its own: an object with `count` and `duration`."""
        lines = js_string(query).strip().split("\n")
        queries = JsArray(JsObject({"sql": line}) for line in lines)
        answer = await self._connection.send("/execute", queries, "NONE")
        if not isinstance(answer, JsArray):
            reason = f"Error in line 1: {lines[0]}: {js_string(read(answer, 'error') or 'Something went wrong')}"
            raise failed("D1_EXEC_ERROR", reason)
        took = sum(float(js_string(read(read(result, "meta"), "duration"))) for result in answer)
        return JsObject({"count": len(answer), "duration": took})

    def withSession(self, constraint: object = None) -> D1DatabaseSession:
        """A session that begins at a bookmark, or with a constraint."""
        text = "" if is_nullish(constraint) else js_string(constraint).strip()
        return D1DatabaseSession(self._fetcher, text or _UNCONSTRAINED)

    @promised
    async def query(self, request: object = None) -> None:
        """Refused, as without production's experimental flag."""
        raise failed(
            "D1_ERROR",
            "D1Database.query() requires the d1_binding_jsrpc compatibility flag. Enable d1_binding_jsrpc before "
            "calling query().",
        )

    @promised
    async def dump(self) -> None:
        """Refused: production has it for databases of its alpha only."""
        response = await self._fetcher.fetch(f"{_ORIGIN}/dump", JsObject({"method": "POST"}))
        raise failed("D1_DUMP_ERROR", f"Status + {js_string(response.status)}")


def _query(statement: object) -> JsObject:
    if not isinstance(statement, D1PreparedStatement):
        raise JsException("TypeError", f"batch: expected prepared statements; got {js_string(statement)}")
    return JsObject({"sql": statement.statement, "params": statement.params})


async def _parsed(response: Response) -> object:
    text = str(await response.text())
    try:
        return jsonvalue.parse(text)
    except JsException as error:
        raise failed("D1_ERROR", f"Failed to parse body as JSON, got: {text}") from error
