"""Databases of the state folder; and for a full disk, or a damaged or locked database, an error with advice."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

from paddock.bindings.errors import StateUnavailable
from paddock.worker.channel import BodyBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["keeping", "opened", "transaction"]

#: Another process of the same project may be writing.
_LOCK_TIMEOUT_S: Final = 5.0


@contextlib.contextmanager
def keeping(what: str) -> Iterator[None]:
    """Raises StateUnavailable for an error of disk or database; `what` is a name that `paddock state` shows."""
    try:
        yield
    except BodyBroken:  # the client's connection, not our disk
        raise
    except (sqlite3.Error, OSError) as error:
        raise StateUnavailable(what, error) from error


@contextlib.contextmanager
def opened(what: str, locate: Callable[[], Path | str], script: str) -> Iterator[sqlite3.Connection]:
    """A database for as long as the block lasts, in which `script` has been run. Raises StateUnavailable.

    `locate` names the file, and may make its folder. Transactions are those that the block begins.
    """
    with (
        keeping(what),
        contextlib.closing(sqlite3.connect(locate(), timeout=_LOCK_TIMEOUT_S, isolation_level=None)) as database,
    ):
        database.executescript(script)
        yield database


@contextlib.contextmanager
def transaction(what: str, locate: Callable[[], Path | str], script: str) -> Iterator[sqlite3.Connection]:
    """As `opened`. What the block does happens alone, and whole or, when it raises, not at all."""
    with opened(what, locate, script) as database:
        database.execute("BEGIN IMMEDIATE")
        with database:  # commits, or rolls back
            yield database
