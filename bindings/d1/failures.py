"""What SQLite refuses, in workerd's words: message, place and code. Source: workerd, util/sqlite.c++."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import Final

from paddock.bindings.d1.rules import Rules

__all__ = ["Refused", "refusal"]

_SYNTAX: Final = re.compile(r'near "(.*)": syntax error|unrecognized token: "(.*)"', re.DOTALL)
_NAME: Final = re.compile(
    r"(?:no such column: |ambiguous column name: |no such function: |not authorized to use function: |"
    r"wrong number of arguments to function )(?P<name>.+?)(?:\(\))?",
    re.DOTALL,
)
#: Of a hostile text, which may have any number of places that look alike.
_MAX_PLACES: Final = 200


class Refused(Exception):
    """A request that D1 answers with an error: its text stands behind `D1_ERROR: ` in the handler's exception."""


def refusal(error: sqlite3.Error, sql: str) -> Refused:
    """An error of SQLite as production shows it."""
    message = str(error)
    if isinstance(error, sqlite3.ProgrammingError) and "bindings" in message:
        return Refused("Wrong number of parameter bindings for SQL query.")
    if "query string is too large" in message:  # Python asks before SQLite does
        return Refused("statement too long: SQLITE_TOOBIG")
    name = str(getattr(error, "sqlite_errorname", "SQLITE_ERROR"))
    # An extended code is its primary one and a word more.
    primary = "_".join(name.split("_")[:2])
    place = _offset(message, sql)
    text = message if place is None else f"{message} at offset {place}"
    return Refused(f"{text}: {primary}" + (f" (extended: {name})" if name != primary else ""))


def _offset(message: str, sql: str) -> int | None:
    """Where the error is, in bytes, which Python's sqlite3 does not tell; None where SQLite does not tell either."""
    if found := _SYNTAX.fullmatch(message):
        return _first_wrong(found[1] or found[2], message, sql)
    if found := _NAME.fullmatch(message):
        place = re.search(rf"(?<![\w.'\"]){re.escape(found['name'])}(?!\w)", sql)
        return None if place is None else len(sql[: place.start()].encode())
    return None


def _first_wrong(token: str, message: str, sql: str) -> int | None:
    """The first place of a token at which SQLite stops: up to it, it says the very same."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        # Some of what a text may say takes effect while it is compiled.
        Rules(database).trusted = False
        places = (match for match, _ in zip(re.finditer(re.escape(token), sql), range(_MAX_PLACES), strict=False))
        for place in places:
            try:
                database.execute(f"EXPLAIN {sql[: place.end()]}")
            except sqlite3.Error as error:
                if str(error) == message:
                    return len(sql[: place.start()].encode())
    return None
