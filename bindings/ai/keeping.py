"""What becomes of a disk that is full, or a database that is damaged or locked: an answer, with what to do."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from paddock.bindings.errors import StateUnavailable
from paddock.worker.channel import BodyBroken

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["keeping"]


@contextlib.contextmanager
def keeping(what: str) -> Iterator[None]:
    """Raises StateUnavailable for an error of disk or database; `what` is a name that `paddock state` shows."""
    try:
        yield
    except BodyBroken:  # the client's connection, not our disk
        raise
    except (sqlite3.Error, OSError) as error:
        raise StateUnavailable(what, error) from error
