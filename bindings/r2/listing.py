"""Lists of objects, in the order of their keys' bytes, with or without folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.r2.objects import COLUMNS, R2Object, object_of

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Page", "list_objects"]

#: No key has this byte, which UTF-8 does not use: a prefix and it are behind every key with the prefix.
_BEHIND: Final = b"\xff"
_QUERY: Final = f"SELECT {COLUMNS} FROM objects WHERE key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?"


class Page(msgspec.Struct, frozen=True):
    """Part of a list. `cursor` is the key that it ends with, None at the end of all."""

    objects: list[R2Object]
    prefixes: list[str]
    cursor: bytes | None


def list_objects(database: sqlite3.Connection, prefix: bytes, delimiter: bytes, limit: int, after: bytes) -> Page:
    """Up to `limit` objects, and prefixes that stand for all keys which go on behind a delimiter."""
    objects: list[R2Object] = []
    prefixes: list[str] = []
    while True:
        rows = database.execute(_QUERY, (prefix, prefix + _BEHIND, after, limit + 1)).fetchall()
        for row in rows:
            key: bytes = row[0]
            if key <= after:  # below a prefix that was just listed
                continue
            if len(objects) + len(prefixes) == limit:
                return Page(objects, prefixes, after)
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end < 0:
                objects.append(object_of(row))
                after = key
            else:
                folder = key[: end + len(delimiter)]
                prefixes.append(folder.decode())
                after = folder + _BEHIND
        if len(rows) <= limit:
            return Page(objects, prefixes, None)
