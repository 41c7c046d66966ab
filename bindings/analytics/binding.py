"""Workers Analytics Engine: `[[analytics_engine_datasets]]` in the configuration, `env.NAME.writeDataPoint({...})`.

Data points are kept: one SQLite file for each dataset, with the columns that production's SQL API has. Nothing reads
them here but you. Source: developer docs, "Analytics Engine SQL reference"; workerd, api/analytics-engine.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from paddock.bindings.binding import FetchResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from paddock.bindings.binding import BindingContext, FetchRequest

__all__ = ["AnalyticsBinding", "AnalyticsSettings"]

logger = logging.getLogger(__name__)

_COLUMNS: Final = 20
#: 20 blobs have 16,000 bytes at most in all, each written as an escape of six characters, and numbers around them.
_MAX_POINT_BYTES: Final = 256 * 1024
_NAMES: Final = ["index1", *(f"{kind}{n}" for kind in ("blob", "double") for n in range(1, _COLUMNS + 1))]
_CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS data_points (timestamp TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')), "
    f"_sample_interval INTEGER DEFAULT 1, {', '.join(_NAMES)})"
)
_INSERT: Final = f"INSERT INTO data_points ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"


class AnalyticsSettings(msgspec.Struct, frozen=True):
    """What the configuration says of a binding: its dataset, which bindings may share."""

    dataset: str


class _Point(msgspec.Struct, frozen=True):
    """One data point; the isolate has checked it."""

    indexes: list[str | None] = []
    blobs: list[str | None] = []
    doubles: list[float | None] = []  # JSON has no NaN and no Infinity


class AnalyticsBinding:
    """`POST /` keeps one data point."""

    kind: ClassVar[str] = "analytics"

    def __init__(self, locate: Callable[[], Path]) -> None:
        self._locate = locate
        self._executor = ThreadPoolExecutor(1, "analytics")
        self._database: sqlite3.Connection | None = None

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The dataset that `context.settings` names, in its file below `analytics/` of the state folder."""
        settings, state = context.settings, context.state
        assert isinstance(settings, AnalyticsSettings), "the configuration's reader makes these"
        name = state.file_name(settings.dataset, ".sqlite")
        return cls(lambda: state.file("analytics", name))

    async def close(self) -> None:
        """Close the dataset's file."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown(wait=False)

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Keep one data point."""
        try:
            point = msgspec.json.decode(await request.read(_MAX_POINT_BYTES), type=_Point)
            await asyncio.get_running_loop().run_in_executor(self._executor, self._write, point)
        except msgspec.DecodeError as error:
            return FetchResponse(400, body=f"expected a data point: {error}".encode())
        except (sqlite3.Error, OSError) as error:
            logger.error("analytics_failed %s", error)
            return FetchResponse(500, body=str(error).encode())
        return FetchResponse(204)

    def _write(self, point: _Point) -> None:
        if self._database is None:
            database = sqlite3.connect(self._locate(), isolation_level=None, check_same_thread=False)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_CREATE)
            self._database = database
        index = [(point.indexes or [""])[0] or ""]
        blobs = [blob or "" for blob in point.blobs] + [""] * (_COLUMNS - len(point.blobs))
        doubles = [double or 0.0 for double in point.doubles] + [0.0] * (_COLUMNS - len(point.doubles))
        self._database.execute(_INSERT, (*index, *blobs, *doubles))

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
