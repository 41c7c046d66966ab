"""What a project's calls would have cost in production, by day and model: in SQLite, written off the request path.

A call adds to counts in memory, at most one row per day and model; a task of the server writes them in a thread, the
first at once and others together a little later: a write costs more than all else that the server does for a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.state import StateFolder

if TYPE_CHECKING:
    from pathlib import Path

    from paddock.bindings.binding import CallRecord

__all__ = ["FREE_NEURONS", "Usage", "UsageLedger", "payable_neurons", "read_usage", "usage_file"]

logger = logging.getLogger(__name__)

#: Of each day, which begins at 00:00 UTC. Source: developer docs, "Pricing".
FREE_NEURONS: Final = 10_000
_NAME: Final = "usage.sqlite"
#: Between two writes. A server that is killed loses what ended in this time.
_PAUSE_S: Final = 1.0
#: Another dev server of the same project may be writing.
_LOCK_TIMEOUT_S: Final = 5.0
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS usage (
  day TEXT NOT NULL, model TEXT NOT NULL, calls INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL, neurons REAL, PRIMARY KEY (day, model)
) WITHOUT ROWID
"""
_ADD: Final = """
INSERT INTO usage VALUES (:day, :model, :calls, :prompt_tokens, :completion_tokens, :neurons)
ON CONFLICT (day, model) DO UPDATE SET
  calls = calls + excluded.calls,
  prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens,
  neurons = COALESCE(neurons + excluded.neurons, neurons, excluded.neurons)
"""


class Usage(msgspec.Struct):
    """One model on one day (UTC, `YYYY-MM-DD`). `neurons` is None when its file has no price."""

    day: str
    model: str
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    neurons: float | None = None


def usage_file(state: Path) -> Path:
    """Where a state folder keeps its usage."""
    return StateFolder(state).path / _NAME


def read_usage(file: Path) -> list[Usage]:
    """Everything that was written, by day and model; nothing when there is no file."""
    if not file.is_file():
        return []
    with contextlib.closing(sqlite3.connect(file, timeout=_LOCK_TIMEOUT_S)) as database:
        database.execute(_TABLE)
        return [Usage(*row) for row in database.execute("SELECT * FROM usage ORDER BY day, model")]


def payable_neurons(rows: list[Usage]) -> float:
    """What is left after the free neurons of each day."""
    days: dict[str, float] = {}
    for row in rows:
        days[row.day] = days.get(row.day, 0.0) + (row.neurons or 0.0)
    return sum(max(0.0, neurons - FREE_NEURONS) for neurons in days.values())


class UsageLedger:
    """Takes calls as they end. `run` writes them, with a pause after each write, until `close`, which loses nothing."""

    def __init__(self, state: Path, *, pause_s: float = _PAUSE_S) -> None:
        self._state = StateFolder(state)
        self._pause_s = pause_s
        self._pending: dict[tuple[str, str], Usage] = {}
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._is_failing = False

    def add(self, call: CallRecord) -> None:
        """Count a call that reached its model. Never waits."""
        if not call.prompt_tokens:
            return
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        neurons = None if call.cost is None else call.cost.neurons
        self._count(Usage(day, call.model, 1, call.prompt_tokens, call.completion_tokens, neurons))
        self._changed.set()

    def _count(self, more: Usage) -> None:
        row = self._pending.setdefault((more.day, more.model), Usage(more.day, more.model))
        row.calls += more.calls
        row.prompt_tokens += more.prompt_tokens
        row.completion_tokens += more.completion_tokens
        if more.neurons is not None:
            row.neurons = (row.neurons or 0.0) + more.neurons

    async def run(self) -> None:
        """Write what was added, as it comes, until `close`.

        What cannot be written, because the disk is full for instance, is kept for the next time, which the next call
        brings, and reported once (at DEBUG each time).
        """
        is_last = False
        while not is_last:
            await self._changed.wait()
            self._changed.clear()
            is_last = self._closed.is_set()
            pending, self._pending = self._pending, {}
            if pending and not await self._try_to_write(list(pending.values())):
                for row in pending.values():
                    self._count(row)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._closed.wait()

    async def _try_to_write(self, rows: list[Usage]) -> bool:
        try:
            await asyncio.to_thread(self._write, rows)
        except (OSError, sqlite3.Error) as error:
            level = logging.DEBUG if self._is_failing else logging.WARNING
            logger.log(level, "usage_not_written folder=%s %s", self._state.path, error)
            self._is_failing = True
            return False
        if self._is_failing:
            logger.info("usage_written folder=%s", self._state.path)
        self._is_failing = False
        return True

    def close(self) -> None:
        """Let `run` write the rest and end."""
        self._closed.set()
        self._changed.set()

    def _write(self, rows: list[Usage]) -> None:
        file = self._state.file(_NAME)
        with contextlib.closing(sqlite3.connect(file, timeout=_LOCK_TIMEOUT_S)) as database, database:
            database.execute(_TABLE)
            database.executemany(_ADD, [msgspec.structs.asdict(row) for row in rows])
