"""A model's life by a clock that the test moves; what loads and unloads is the scripted engine."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG, Catalog
from paddock.bindings.ai.engines.clock import ManualClock
from paddock.bindings.ai.engines.policy import FOREVER, LifePolicy
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.protocol import EngineRequest, SamplingParams
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.ai.weights import Weights
from paddock.bindings.errors import (
    EngineDead,
    EngineOverloaded,
    EngineUnavailable,
    FirstTokenTimeout,
    PaddockError,
    RunTimeout,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paddock.bindings.ai.engines.lifecycle import ModelLife

PHI, LLAMA, MISTRAL = (
    "@cf/microsoft/phi-2",
    "@cf/meta/llama-2-7b-chat-fp16",
    "@cf/mistral/mistral-7b-instruct-v0.2-lora",
)
REQUEST = EngineRequest(SamplingParams(max_tokens=9), prompt="x")


class House:
    """A pool of scripted engines, each with a load gate."""

    def __init__(self, tasks: asyncio.TaskGroup, **policy: Any) -> None:
        self.clock = ManualClock()
        self.engines: dict[str, ScriptedEngine] = {}
        self.load_gates: dict[str, Gate] = {}
        self.gates: dict[str, Gate] = {}
        self.replies: dict[str, list[Any]] = {}
        self.memory = lambda path: True
        self.can_sleep = False
        self.elsewhere: set[str] = set()
        catalog = Catalog.read([SHIPPED_CATALOG])
        self._cards = {name: catalog.card(name) for name in (PHI, LLAMA, MISTRAL)}
        self._tasks = tasks
        self.pool = EnginePool(
            lambda card: Weights("" if card.name in self.elsewhere else card.name, "stand_in"),
            self._make,
            LifePolicy(**policy),
            self.clock,
            lambda path: self.memory(path),
        )
        self.pool.start(tasks)

    def _make(self, card: Any, weights: Weights) -> ScriptedEngine:
        load_gate = self.load_gates.setdefault(card.name, Gate())
        replies = self.replies.get(card.name, ["one two"] * 50)
        self.engines[card.name] = ScriptedEngine(
            replies, gate=self.gates.get(card.name), load_gate=load_gate, can_sleep=self.can_sleep
        )
        return self.engines[card.name]

    def life(self, model: str = PHI) -> ModelLife:
        return self.pool.serving(self._cards[model]).life

    def open(self, *models: str) -> None:
        """Loads of these models take no time."""
        for model in models or (PHI, LLAMA, MISTRAL):
            self.load_gates.setdefault(model, Gate()).open()

    async def call(self, model: str = PHI, keep_alive_s: float | None = None) -> str:
        async with aclosing(self.life(model).generate(REQUEST, keep_alive_s)) as chunks:
            return "".join([chunk.text async for chunk in chunks])

    async def begin(self, model: str = PHI, **more: Any) -> asyncio.Task[str]:
        task = self._tasks.create_task(_outcome(self.call(model, **more)))
        await settle()
        return task

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await settle()

    def states(self) -> list[str]:
        return [self.life(model).state for model in (PHI, LLAMA, MISTRAL)]


async def _outcome(call: Awaitable[str]) -> str:
    """The text, or the name of the error: a task that raises would end the others."""
    try:
        return await call
    except PaddockError as error:
        return type(error).__name__


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.fixture
def play() -> Callable[..., None]:
    def run(scene: Callable[[House], Awaitable[None]], **policy: Any) -> None:
        async def main() -> None:
            async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
                house = House(tasks, **policy)
                await scene(house)
                house.open()
                for gate in house.gates.values():
                    gate.open()
                await settle()
                await house.pool.close()

        asyncio.run(main())

    return run


def test_the_first_call_loads_and_the_others_wait_for_the_same_load(play: Any) -> None:
    """DT-097"""

    async def scene(house: House) -> None:
        assert house.life().state == "cold"
        calls = [await house.begin() for _ in range(5)]
        assert house.life().state == "loading"
        house.open(PHI)
        assert [await call for call in calls] == ["one two"] * 5
        assert (house.engines[PHI].starts, house.life().state) == (1, "warm")

    play(scene)


def test_a_call_that_leaves_during_the_load_does_not_stop_it(play: Any) -> None:
    async def scene(house: House) -> None:
        first, second = await house.begin(), await house.begin()
        first.cancel()
        await settle()
        house.open(PHI)
        assert await second == "one two"

    play(scene)


def test_an_idle_model_goes_after_its_time_and_comes_back(play: Any) -> None:
    """DT-100"""

    async def scene(house: House) -> None:
        house.open()
        await house.call()
        await house.advance(299)
        assert house.life().state == "warm"
        assert house.life().expires_in_s == 1
        await house.advance(1)
        assert house.life().state == "cold"
        assert await house.call() == "one two"
        assert house.engines[PHI].starts == 2

    play(scene)


def test_the_idle_timer_waits_for_the_end_of_open_streams(play: Any) -> None:
    """DT-100"""

    async def scene(house: House) -> None:
        house.open()
        gate = house.gates[PHI] = Gate()
        call = await house.begin()
        assert house.life().state == "busy"
        await house.advance(10_000)
        assert (house.life().state, house.life().expires_at) == ("busy", None)
        gate.open()
        await call
        assert house.life().expires_in_s == 300

    play(scene)


@pytest.mark.parametrize(("keep_alive_s", "state"), [(0, "cold"), (FOREVER, "warm"), (60, "cold"), (1e6, "warm")])
def test_a_call_can_say_how_long_the_model_stays(play: Any, keep_alive_s: float, state: str) -> None:
    """DT-101"""

    async def scene(house: House) -> None:
        house.open()
        await house.call(keep_alive_s=keep_alive_s)
        await house.advance(60)
        assert house.life().state == state

    play(scene)


def test_where_models_can_sleep_they_do_before_they_go(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        house.can_sleep = True
        await house.call()
        await house.advance(10)
        assert (house.life().state, house.engines[PHI].is_asleep) == ("sleeping", True)
        assert await house.call() == "one two"
        assert (house.life().state, house.engines[PHI].is_asleep, house.engines[PHI].starts) == ("warm", False, 1)
        await house.advance(10)
        assert house.life().state == "sleeping"
        await house.advance(290)
        assert house.life().state == "cold"

    play(scene, sleep_after_s=10)


def test_the_least_recently_used_model_makes_room(play: Any) -> None:
    """DT-102"""

    async def scene(house: House) -> None:
        house.open()
        for model in (PHI, LLAMA, PHI):
            await house.call(model)
            await house.advance(1)
        await house.call(MISTRAL)
        assert house.states() == ["warm", "cold", "warm"]

    play(scene, max_loaded=2)


def test_busy_and_pinned_models_do_not_make_room_and_the_newcomer_waits(play: Any) -> None:
    """DT-102"""

    async def scene(house: House) -> None:
        house.open()
        gate = house.gates[PHI] = Gate()
        busy = await house.begin(PHI)
        await house.call(LLAMA)
        house.life(LLAMA).pin(is_pinned=True)
        newcomer = await house.begin(MISTRAL)
        assert house.states() == ["busy", "warm", "cold"]
        gate.open()
        assert (await busy, await newcomer) == ("one two", "one two")
        assert house.states() == ["cold", "warm", "warm"]

    play(scene, max_loaded=2)


def test_a_newcomer_that_waits_too_long_is_refused(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        house.gates[PHI] = Gate()
        await house.begin(PHI)
        newcomer = await house.begin(MISTRAL)
        await house.advance(20)
        assert await newcomer == EngineOverloaded.__name__

    play(scene, max_loaded=1, queue_timeout_s=20)


def test_models_on_other_machines_take_no_room(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        house.elsewhere = {PHI}
        house.memory = lambda path: path != ""
        await house.call(PHI)
        await house.call(LLAMA)
        await house.call(MISTRAL)
        assert house.states() == ["warm", "cold", "warm"]
        house.memory = lambda path: False
        await house.life(PHI).unload()
        await house.call(PHI)
        assert house.states() == ["warm", "cold", "warm"]

    play(scene, max_loaded=1)


def test_memory_that_runs_short_makes_others_go(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        await house.call(PHI)
        house.memory = lambda path: house.life(PHI).state == "cold"
        await house.call(LLAMA)
        assert house.states() == ["cold", "warm", "cold"]

    play(scene)


def test_calls_of_all_models_share_the_units(play: Any) -> None:
    """DT-104"""

    async def scene(house: House) -> None:
        house.open()
        gate = house.gates[PHI] = Gate()
        first = await house.begin(PHI)
        second = await house.begin(LLAMA)
        assert house.states()[:2] == ["busy", "warm"]
        gate.open()
        assert (await first, await second) == ("one two", "one two")

    play(scene, concurrency=1)


def test_a_cold_model_can_refuse_and_load_meanwhile(play: Any) -> None:
    """DT-099"""

    async def scene(house: House) -> None:
        assert await (await house.begin()) == EngineOverloaded.__name__
        assert house.life().state == "loading"
        assert await (await house.begin()) == EngineOverloaded.__name__
        house.open(PHI)
        await settle()
        assert await house.call() == "one two"
        assert house.engines[PHI].starts == 1

    play(scene, on_cold="reject")


def test_time_for_the_first_token_and_for_all_of_them(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        gate = house.gates[PHI] = Gate()
        late = await house.begin()
        await house.advance(5)
        assert await late == FirstTokenTimeout.__name__
        slow = await house.begin()
        gate.let()
        await settle()
        await house.advance(30)
        assert await slow == RunTimeout.__name__
        assert len(house.engines[PHI].aborts) == 2

    play(scene, first_token_timeout_s=5, total_timeout_s=30)


def test_three_failures_in_a_row_open_the_breaker(play: Any) -> None:
    """DT-106"""

    async def scene(house: House) -> None:
        house.open()
        house.replies[PHI] = [EngineDead("the host died"), EngineDead("again"), EngineDead("and again"), "well"]
        life = house.life()
        outcomes = []
        for _ in range(3):
            house.engines[PHI].starts += 1  # each is the failure of another host
            outcomes.append(await (await house.begin()))
            await house.advance(2)
        assert outcomes == [EngineDead.__name__] * 3
        with pytest.raises(EngineUnavailable, match=r"failed 3 times in a row.*and again") as refused:
            await house.call()
        assert refused.value.retry_after_s == 28
        await house.advance(28)
        assert await house.call() == "well"
        assert life.breaker.cause == ""

    play(scene)


def test_one_death_under_many_calls_is_one_failure(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        house.replies[PHI] = [EngineDead("the host died")] * 5 + ["well"]
        assert {await (await house.begin()) for _ in range(5)} == {EngineDead.__name__}
        assert await house.call() == "well"

    play(scene)


def test_a_model_with_calls_is_unloaded_by_force_only(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        house.gates[PHI] = Gate()
        call = await house.begin()
        assert not await house.life().unload()
        assert await house.life().unload(is_forced=True)
        assert await call == EngineDead.__name__
        assert (house.life().state, house.life().breaker.cause) == ("cold", "")

    play(scene)


def test_a_pinned_model_stays_until_it_is_let_go(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        house.life().pin(is_pinned=True)
        await house.life().load()
        await house.advance(10_000)
        assert (house.life().state, await house.life().unload()) == ("warm", False)
        house.life().pin(is_pinned=False)
        await house.advance(300)
        assert house.life().state == "cold"

    play(scene)


def test_a_model_that_is_loaded_by_hand_goes_like_one_that_was_called(play: Any) -> None:
    async def scene(house: House) -> None:
        house.open()
        await house.life().load()
        assert house.life().state == "warm"
        await house.advance(300)
        assert house.life().state == "cold"

    play(scene)
