"""Memory really comes back: after an unload the engine's process is gone."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.clock import ManualClock
from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.memory import resident_bytes
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.settings import EngineSettings
from paddock.bindings.ai.weights import Weights
from paddock.bindings.errors import EngineDead

if TYPE_CHECKING:
    from paddock.bindings.ai.card import ModelCard
    from paddock.bindings.ai.engines.forkserver import ForkServer
    from paddock.bindings.ai.engines.lifecycle import ModelLife

PHI, LLAMA = "@cf/microsoft/phi-2", "@cf/meta/llama-2-7b-chat-fp16"


@pytest.fixture
def live(run: Any, ask: Any, forkserver: ForkServer, stand_ins: Path) -> Any:
    """Runs a scene with a pool of real engines whose clock the test moves."""

    def make(card: ModelCard, weights: Weights) -> EmbeddedEngine:
        settings = EngineSettings(
            model_path=weights.path, served_name=card.name, max_model_len=512, dtype="float32", kv_cache_bytes=16 << 20
        )
        return EmbeddedEngine(settings, forkserver)

    def find(card: ModelCard) -> Weights:
        assert card.paddock is not None
        return Weights(str(stand_ins / str(card.paddock.stand_in)), "stand_in")

    def play(scene: Any) -> None:
        async def main() -> None:
            clock, catalog = ManualClock(), Catalog.read([SHIPPED_CATALOG])
            pool = EnginePool(find, make, clock=clock)
            async with asyncio.TaskGroup() as tasks:
                pool.start(tasks)
                try:
                    await scene(clock, {name: pool.serving(catalog.card(name)).life for name in (PHI, LLAMA)})
                finally:
                    await pool.close()

        run(main())

    return play


async def _answer(life: ModelLife, request: Any) -> str:
    async with aclosing(life.generate(request)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


def _is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_idle_model_is_unloaded_and_its_process_is_gone(live: Any, ask: Any) -> None:
    async def scene(clock: ManualClock, lives: dict[str, ModelLife]) -> None:
        life = lives[PHI]
        before = await _answer(life, ask("Tell me about lighthouses."))
        pid = life.engine.pid
        assert pid is not None and (resident_bytes(pid) or 0) > 50 << 20
        clock.advance(300)
        await life.unload()  # waits for the one that the timer began
        assert not _is_there(pid)
        assert await _answer(life, ask("Tell me about lighthouses.")) == before
        assert life.engine.pid != pid

    live(scene)


def test_forced_unload_ends_a_stream_and_the_process(live: Any, ask: Any) -> None:
    async def scene(clock: ManualClock, lives: dict[str, ModelLife]) -> None:
        life = lives[LLAMA]
        async with aclosing(life.generate(ask("Tell me a long story.", max_tokens=400, min_p=None))) as chunks:
            await anext(chunks)
            pid = life.engine.pid
            assert not await life.unload()
            assert await life.unload(is_forced=True)
            assert pid is not None and not _is_there(pid)
            with pytest.raises(EngineDead):
                async for _ in chunks:
                    pass
        assert await _answer(life, ask("Hello"))

    live(scene)
