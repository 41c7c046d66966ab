"""What a bucket's file says of an object: a row, and the struct that it is read into."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import sqlite3

__all__ = ["COLUMNS", "SCHEMA", "R2Object", "as_json", "insert", "object_of", "token"]

SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS objects (
  key BLOB PRIMARY KEY NOT NULL, blob TEXT NOT NULL, version TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
  uploaded REAL NOT NULL, checksums TEXT NOT NULL, http TEXT NOT NULL, custom TEXT NOT NULL, class TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY NOT NULL, key BLOB NOT NULL, http TEXT NOT NULL, custom TEXT NOT NULL, class TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS parts (
  upload TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE, number INTEGER NOT NULL, blob TEXT NOT NULL,
  size INTEGER NOT NULL, etag TEXT NOT NULL, md5 TEXT NOT NULL, PRIMARY KEY (upload, number)
);
"""
COLUMNS: Final = "key, blob, version, size, etag, uploaded, checksums, http, custom, class"


class R2Object(msgspec.Struct, frozen=True):
    """What a bucket knows of an object. `uploaded` is in milliseconds since 1970, checksums are hexadecimal."""

    key: str
    #: The name of the file with its content.
    blob: str
    version: str
    size: int
    etag: str
    uploaded: float
    checksums: dict[str, str]
    http: dict[str, str | float]
    custom: dict[str, str]
    storage_class: str


def insert(database: sqlite3.Connection, key: bytes, made: R2Object) -> None:
    """Write an object, in place of an older one."""
    values = (
        key, made.blob, made.version, made.size, made.etag, made.uploaded, as_json(made.checksums), as_json(made.http),
        as_json(made.custom), made.storage_class,
    )  # fmt: skip
    database.execute(f"INSERT OR REPLACE INTO objects ({COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)


def object_of(row: tuple[Any, ...]) -> R2Object:
    """The object of a row with these columns."""
    key, blob, version, size, etag, uploaded, checksums, http, custom, storage_class = row
    checksums, http, custom = map(msgspec.json.decode, (checksums, http, custom))
    return R2Object(key.decode(), blob, version, size, etag, uploaded, checksums, http, custom, storage_class)


def as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def token() -> str:
    """A name that nobody guesses: of versions, uploads and parts."""
    return secrets.token_hex(16)
