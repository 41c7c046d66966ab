"""The AI services that one process of engines has: one for each set of settings."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from paddock.worker.config.loading import Config, DevSettings, LimitsSettings
from paddock.worker.testing.live import LiveModels

if TYPE_CHECKING:
    import asyncio

    from paddock.bindings.ai.service import AiService
    from paddock.worker.testing.shared.frames import Wanted

__all__ = ["Models"]

#: The folder of a project that has no model files and no state of its own: there is none of that name.
_NOWHERE: Final = Path("/nonexistent")


class Models:
    """Made when they are first wanted. In the program's main thread."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._live: dict[bytes, LiveModels] = {}

    async def service(self, wanted: Wanted) -> AiService:
        """The service of these settings."""
        key = msgspec.msgpack.encode(wanted)
        if key not in self._live:
            self._live[key] = LiveModels(_config(wanted))
            self._live[key].prepare()
        return await self._live[key].service(self._tasks)

    async def close(self) -> None:
        """End the engines."""
        for live in self._live.values():
            await live.close()


def _config(wanted: Wanted) -> Config:
    """What the AI service reads of a configuration; nothing else of it is asked for here."""
    return Config(
        path=_NOWHERE / "wrangler-like.toml",
        env=None,
        name="engines",
        main=_NOWHERE,
        compatibility_date=datetime.date.min,
        compatibility_flags=frozenset(),
        vars={},
        secret_names=frozenset(),
        secrets_files=(),
        ai=None,
        kv_namespaces=(),
        assets=None,
        state=Path(wanted.state or _NOWHERE),
        dev=DevSettings(),
        limits=LimitsSettings(),
        paddock=msgspec.structs.replace(wanted.paddock, catalog=wanted.catalog),
    )
