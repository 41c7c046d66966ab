"""The D1 binding: `[[d1_databases]]` in the configuration, `env.NAME.prepare(...)` in the handler.

Speaks the wire of workerd's own D1 binding: `POST /query` and `POST /execute` of one query or several, the form of the
rows in `resultsFormat`, bookmarks in a header. Failures are answers with an `error`, too. Source: workerd,
internal/d1-api; Miniflare, workers/d1.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING, ClassVar, Final, Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from paddock.bindings.binding import FetchResponse
from paddock.bindings.d1.failures import Refused
from paddock.bindings.d1.store import D1Store, Query, Rows

if TYPE_CHECKING:
    from paddock.bindings.binding import BindingContext, FetchRequest

__all__ = ["D1Binding", "D1Settings"]

logger = logging.getLogger(__name__)

_BOOKMARK: Final = "x-cf-d1-session-commit-token"


class D1Settings(msgspec.Struct, frozen=True):
    """What the configuration says of a D1 binding: the id of its database, which bindings may share."""

    database: str


class D1Binding:
    """One database."""

    kind: ClassVar[str] = "d1"

    def __init__(self, store: D1Store, body_limit_bytes: int) -> None:
        self._store = store
        self._body_limit_bytes = body_limit_bytes

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The database that `context.settings` names, in its file below `d1/` of the state folder."""
        settings, state = context.settings, context.state
        assert isinstance(settings, D1Settings), "the configuration's reader makes these"
        name = state.file_name(settings.database, ".sqlite")
        return cls(D1Store(lambda: state.file("d1", name)), context.body_limit_bytes)

    async def close(self) -> None:
        """Close the database's file."""
        await self._store.close()

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Answer one request. What SQLite refuses is a 200 with an `error`, as in production."""
        url = urlsplit(request.url)
        if request.method != "POST" or url.path not in ("/query", "/execute"):
            return FetchResponse(404, body=b"expected POST /query or /execute")
        try:
            queries = _queries(await request.read(self._body_limit_bytes))
            found = await self._store.run(queries)
        except Refused as refused:
            return _answer({"success": False, "error": str(refused)})
        except (sqlite3.Error, OSError) as error:
            logger.error("d1_failed %s", error)
            return _answer({"success": False, "error": str(error)})
        form = parse_qs(url.query).get("resultsFormat", [""])[0]
        return _answer([_result(rows, form) for rows in found], (_BOOKMARK, _bookmark()))


def _queries(body: bytes) -> list[Query]:
    try:
        is_list = body.lstrip()[:1] == b"["
        return msgspec.json.decode(body, type=list[Query]) if is_list else [msgspec.json.decode(body, type=Query)]
    except msgspec.DecodeError as error:
        raise Refused(f"expected a query with sql and params: {error}") from error


def _result(found: Rows, form: str) -> dict[str, object]:
    results: object
    if form == "ROWS_AND_COLUMNS":
        results = {"columns": found.columns, "rows": found.rows}
    else:
        results = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return {"success": True, "results": results, "meta": found.meta}


def _answer(value: object, *headers: tuple[str, str]) -> FetchResponse:
    return FetchResponse(200, (("content-type", "application/json"), *headers), msgspec.json.encode(value))


def _bookmark() -> str:
    """A bookmark in production's form. With one copy of the data it stands for a moment."""
    now = time.time_ns()
    return f"{now >> 32:08x}-{now & 0xFFFFFFFF:08x}-00000000-{0:032x}"
