"""Objects that come in parts. Each function runs in a transaction; it names the contents that are to be removed."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.r2.objects import R2Object, as_json, insert, token
from paddock.bindings.r2.refusals import MIN_PART_BYTES, R2Refused, check_key

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from paddock.bindings.r2.blobs import Blob
    from paddock.bindings.r2.orders import Complete, Create, Part, Sent

__all__ = ["abort", "add_part", "complete", "create"]

#: Name of its content, size, tag, MD5.
_Part = tuple[str, int, str, str]


def create(database: sqlite3.Connection, order: Create) -> str:
    """The id of a new upload."""
    upload = token()
    values = (upload, check_key(order.key), as_json(order.http), as_json(order.custom), order.storage_class)
    database.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?)", values)
    return upload


def add_part(database: sqlite3.Connection, removed: list[str], order: Part, blob: Blob) -> str:
    """Keep a part, in place of an older one with its number; its tag."""
    _upload(database, check_key(order.key), order.upload)
    etag, place = token(), (order.upload, order.number)
    old = database.execute("SELECT blob FROM parts WHERE upload = ? AND number = ?", place)
    removed += [row[0] for row in old]
    values = (*place, blob.name, blob.size, etag, blob.digests["md5"])
    database.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)", values)
    return etag


def complete(
    database: sqlite3.Connection, removed: list[str], folder: Path, order: Complete, uploaded_ms: float
) -> R2Object:
    """Make the parts one object. Its tag is the hash of their hashes, and their number."""
    key = check_key(order.key)
    http, custom, storage_class = _upload(database, key, order.upload)
    query = "SELECT number, blob, size, etag, md5 FROM parts WHERE upload = ?"
    parts: dict[int, _Part] = {row[0]: row[1:] for row in database.execute(query, (order.upload,))}
    chosen = _chosen(order.parts, parts)
    name, size = uuid.uuid4().hex, sum(part[1] for part in chosen)
    with (folder / name).open("xb") as whole:
        for part in chosen:
            with (folder / part[0]).open("rb") as source:
                shutil.copyfileobj(source, whole)
    tag = hashlib.md5(b"".join(bytes.fromhex(part[3]) for part in chosen), usedforsecurity=False).hexdigest()
    etag = f"{tag}-{len(chosen)}"
    made = R2Object(order.key, name, token(), size, etag, uploaded_ms, {}, http, custom, storage_class)
    removed += [row[0] for row in database.execute("SELECT blob FROM objects WHERE key = ?", (key,))]
    removed += [part[0] for part in parts.values()]
    insert(database, key, made)
    database.execute("DELETE FROM uploads WHERE id = ?", (order.upload,))
    return made


def abort(database: sqlite3.Connection, removed: list[str], key: bytes, upload: str) -> None:
    """Forget an upload. One that is over is no error."""
    removed += [row[0] for row in database.execute("SELECT blob FROM parts WHERE upload = ?", (upload,))]
    database.execute("DELETE FROM uploads WHERE id = ? AND key = ?", (upload, key))


def _upload(
    database: sqlite3.Connection, key: bytes, upload: str
) -> tuple[dict[str, str | float], dict[str, str], str]:
    """What an upload was begun with. Raises R2Refused where there is none."""
    query = "SELECT http, custom, class FROM uploads WHERE id = ? AND key = ?"
    row = database.execute(query, (upload, key)).fetchone()
    if row is None:
        raise R2Refused("no_such_upload")
    return msgspec.json.decode(row[0]), msgspec.json.decode(row[1]), row[2]


def _chosen(sent: list[Sent], parts: dict[int, _Part]) -> list[_Part]:
    """The parts that `complete` names, in the order of their numbers. Raises R2Refused for what does not fit."""
    if len({part.number for part in sent}) != len(sent):
        raise R2Refused("internal")
    for part in sent:
        if part.number not in parts or parts[part.number][2] != part.etag:
            raise R2Refused("part")
    if any(parts[part.number][1] < MIN_PART_BYTES for part in sent[:-1]):
        raise R2Refused("too_small")
    chosen = [parts[number] for number in sorted(part.number for part in sent)]
    if len({part[1] for part in chosen[:-1]}) > 1 or (len(chosen) > 1 and chosen[-1][1] > chosen[0][1]):
        raise R2Refused("upload")
    return chosen
