"""Engines over a fake host: real processes, forked by the real fork server, but without vLLM."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.hostplan import HostPlan
from paddock.bindings.ai.engines.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager


@pytest.fixture
def plan() -> HostPlan:
    """A fork server that forks `fake_host.py`."""
    return HostPlan(host="fake_host:main", modules=(), environment={"PYTHONPATH": str(Path(__file__).parent)})


@pytest.fixture
def open_engine(plan: HostPlan) -> Callable[..., AbstractAsyncContextManager[EmbeddedEngine]]:
    """An engine for a model of this name, with a fork server of its own; both are closed at the end."""

    @asynccontextmanager
    async def opened(name: str = "model", **settings: Any) -> AsyncIterator[EmbeddedEngine]:
        forkserver = ForkServer(plan)
        engine = EmbeddedEngine(EngineSettings(model_path="/nowhere", served_name=name, **settings), forkserver)
        try:
            async with asyncio.timeout(30):
                yield engine
        finally:
            await engine.close()
            await forkserver.close()

    return opened
