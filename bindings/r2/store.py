"""One bucket: a SQLite file that says what there is, and a file for each object's content.

Everything that touches the SQLite file runs in the store's own thread, one call after the other. A content is written
before its row and removed after it, so that a crash leaves a file too many, never a row without one.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Final, ParamSpec, TypeVar

from paddock.bindings.r2 import uploads
from paddock.bindings.r2.conditions import holds, part_of
from paddock.bindings.r2.listing import Page, list_objects
from paddock.bindings.r2.objects import COLUMNS, SCHEMA, R2Object, insert, object_of, token
from paddock.bindings.r2.refusals import R2Refused, check_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from paddock.bindings.r2.blobs import Blob
    from paddock.bindings.r2.orders import Complete, Create, Get, List, Part, Put

__all__ = ["R2Store"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Another dev server of the same project may be writing.
_LOCK_TIMEOUT_S: Final = 5.0
_SHOWN: Final = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}


class R2Store:
    """Reads and writes one bucket. `locate` makes the folders above a place in the bucket's and returns its path.

    Raises: R2Refused, sqlite3.Error and OSError from every method but `close`.
    """

    def __init__(self, locate: Callable[..., Path], *, now: Callable[[], float] = time.time) -> None:
        self._locate = locate
        self._now = now
        self._executor = ThreadPoolExecutor(1, "r2")
        self._database: sqlite3.Connection | None = None

    def folder(self) -> Path:
        """Where contents are."""
        return self._locate("blobs", "any").parent

    async def head(self, key: str) -> R2Object:
        """An object. Raises R2Refused where there is none."""
        return await self._run(self._find, check_key(key))

    async def get(self, order: Get) -> tuple[R2Object, IO[bytes] | None, int, int]:
        """An object, its open content, offset and length of what is wanted; no content where a condition fails."""
        return await self._run(self._get, order)

    async def put(self, order: Put, blob: Blob) -> R2Object:
        """Make a content that has been received an object, in place of an older one."""
        return await self._run(self._put, order, blob)

    async def delete(self, keys: list[bytes]) -> None:
        """Remove objects, as many as there are."""
        await self._run(self._delete, keys)

    async def page(self, order: List, limit: int, after: bytes) -> Page:
        """Up to `limit` objects and prefixes behind the key `after`."""
        return await self._run(self._page, order, limit, after)

    async def create(self, order: Create) -> str:
        """The id of a new upload in parts."""
        return await self._run(self._create, order)

    async def part(self, order: Part, blob: Blob) -> str:
        """Keep a part that has been received; its tag."""
        return await self._run(self._part, order, blob)

    async def complete(self, order: Complete) -> R2Object:
        """Make the parts of an upload an object."""
        return await self._run(self._complete, order)

    async def abort(self, key: bytes, upload: str) -> None:
        """Forget an upload. One that is over is no error."""
        await self._run(self._abort, key, upload)

    async def close(self) -> None:
        """Close the file. No other call may follow."""
        await self._run(self._close)
        self._executor.shutdown(wait=False)

    async def _run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        assert not kwargs, "an executor passes on positions only"
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            path = self._locate("objects.sqlite")
            database = sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
            database.executescript(SCHEMA)
            database.execute("PRAGMA foreign_keys = ON")
            self._database = database
        return self._database

    @contextlib.contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, list[str]]]:
        """A transaction, and the names of contents that are removed when it is over."""
        database, removed = self._open(), list[str]()
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database, removed
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
        for name in removed:
            (self.folder() / name).unlink(missing_ok=True)

    def _find(self, key: bytes) -> R2Object:
        row = self._open().execute(f"SELECT {COLUMNS} FROM objects WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise R2Refused("no_such_key")
        return object_of(row)

    def _get(self, order: Get) -> tuple[R2Object, IO[bytes] | None, int, int]:
        found = self._find(check_key(order.key))
        if order.only_if is not None and not holds(order.only_if, found.etag, found.uploaded):
            return found, None, 0, found.size
        offset, length = part_of(order.range, found.size)
        return found, (self.folder() / found.blob).open("rb"), offset, length

    def _put(self, order: Put, blob: Blob) -> R2Object:
        digests, key = blob.digests, check_key(order.key)
        for name, wanted in order.checksums.items():
            if digests[name] != wanted.lower():
                shown = _SHOWN[name]
                more = f"\nYou provided a {shown} checksum with value: {wanted}\nActual {shown} was: {digests[name]}"
                raise R2Refused("digest", shown, more=more)
        made = R2Object(
            order.key, blob.name, token(), blob.size, digests["md5"], self._now_ms(),
            {name: digests[name] for name in ("md5", *order.checksums)}, order.http, order.custom, order.storage_class,
        )  # fmt: skip
        with self._writing() as (database, removed):
            row = database.execute("SELECT blob, etag, uploaded FROM objects WHERE key = ?", (key,)).fetchone()
            if order.only_if is not None and not holds(order.only_if, *((row[1], row[2]) if row else (None, 0.0))):
                raise R2Refused("precondition")
            insert(database, key, made)
            removed += [row[0]] if row else []
        return made

    def _delete(self, keys: list[bytes]) -> None:
        with self._writing() as (database, removed):
            for key in keys:
                gone = database.execute("DELETE FROM objects WHERE key = ? RETURNING blob", (key,))
                removed += [row[0] for row in gone.fetchall()]

    def _page(self, order: List, limit: int, after: bytes) -> Page:
        return list_objects(self._open(), order.prefix.encode(), order.delimiter.encode(), limit, after)

    def _create(self, order: Create) -> str:
        with self._writing() as (database, _):
            return uploads.create(database, order)

    def _part(self, order: Part, blob: Blob) -> str:
        with self._writing() as (database, removed):
            return uploads.add_part(database, removed, order, blob)

    def _complete(self, order: Complete) -> R2Object:
        with self._writing() as (database, removed):
            return uploads.complete(database, removed, self.folder(), order, self._now_ms())

    def _abort(self, key: bytes, upload: str) -> None:
        with self._writing() as (database, removed):
            uploads.abort(database, removed, key, upload)

    def _now_ms(self) -> float:
        return float(int(self._now() * 1000))

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
