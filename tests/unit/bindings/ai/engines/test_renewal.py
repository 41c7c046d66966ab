"""Engines under settings that change: those that would be the same stay."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.clock import ManualClock
from paddock.bindings.ai.engines.policy import FOREVER, LifePolicy
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.protocol import EngineRequest, SamplingParams
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.ai.weights import Weights
from paddock.bindings.errors import WeightsMissing

PHI = Catalog.read([SHIPPED_CATALOG]).card("@cf/microsoft/phi-2")
REQUEST = EngineRequest(SamplingParams(max_tokens=9), prompt="x")
POLICY = LifePolicy(keep_alive_s=FOREVER)


def engine(reply: str, gate: Gate | None = None) -> ScriptedEngine:
    loading = Gate()
    loading.open()
    return ScriptedEngine([reply] * 9, gate=gate, load_gate=loading)


def renew(pool: EnginePool, engines: list[ScriptedEngine], path: str, plan: object = 1, *, has_card: bool = True):
    def find(card: object) -> Weights:
        if not path:
            raise WeightsMissing("none")
        return Weights(path, "configured")

    def make(card: object, weights: Weights) -> ScriptedEngine:
        engines.append(engine("one"))
        return engines[-1]

    return pool.renew(find, make, lambda card, weights: plan, POLICY, {PHI.name: PHI} if has_card else {})


async def call(pool: EnginePool) -> str:
    async with aclosing(pool.serving(PHI).life.generate(REQUEST)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("change", "leaves"),
    [
        ({"path": "/a"}, False),
        ({"path": "/b"}, True),
        ({"path": "/a", "plan": 2}, True),
        ({"path": ""}, True),
        ({"path": "/a", "has_card": False}, True),
    ],
)
def test_an_engine_leaves_when_its_weights_or_its_plan_are_others(change: dict[str, object], leaves: bool) -> None:
    """DT-034, DT-035"""

    async def run() -> tuple[list[str], list[str]]:
        clock, engines = ManualClock(), list[ScriptedEngine]()
        pool = EnginePool(lambda card: Weights("/a", "x"), lambda card, weights: ScriptedEngine(), POLICY, clock)
        renew(pool, engines, "/a")
        async with asyncio.TaskGroup() as tasks:
            pool.start(tasks)
            await call(pool)
            gone = renew(pool, engines, **change)  # type: ignore[arg-type]  # the words of a case
            clock.advance(1)
            await settle()
            states = [engine.state for engine in engines]
            await pool.close()
        return gone, states

    assert asyncio.run(run()) == (([PHI.name], ["cold"]) if leaves else ([], ["warm"]))


def test_a_call_that_runs_ends_on_the_engine_that_it_began_on() -> None:
    """DT-034"""

    async def run() -> tuple[str, str, list[str]]:
        clock, gate, engines = ManualClock(), Gate(), list[ScriptedEngine]()
        old = engine("old", gate)
        pool = EnginePool(lambda card: Weights("/a", "x"), lambda card, weights: old, POLICY, clock)
        async with asyncio.TaskGroup() as tasks:
            pool.start(tasks)
            running = tasks.create_task(call(pool))
            await settle()
            renew(pool, engines, "/b")
            clock.advance(60)
            new = await call(pool)
            gate.open()
            ended = await running
            clock.advance(1)
            await settle()
            states = [old.state, engines[0].state]
            await pool.close()
        return ended, new, states

    assert asyncio.run(run()) == ("old", "one", ["cold", "warm"])
