import asyncio
from typing import Any

import pytest

from paddock.bindings.ai.engines.turns import Turns


class Calls:
    """Calls that hold their turn until they are told to end."""

    def __init__(self, units: int | None, tasks: asyncio.TaskGroup) -> None:
        self.turns = Turns(units)
        self.running: list[str] = []
        self._tasks = tasks
        self._ends: dict[str, asyncio.Event] = {}

    async def begin(self, name: str, cost: int) -> asyncio.Task[None]:
        self._ends[name] = asyncio.Event()
        task = self._tasks.create_task(self._call(name, cost))
        await asyncio.sleep(0)
        return task

    async def end(self, name: str) -> None:
        self._ends[name].set()
        for _ in range(3):
            await asyncio.sleep(0)

    async def _call(self, name: str, cost: int) -> None:
        async with self.turns.turn(cost):
            self.running.append(name)
            await self._ends[name].wait()
            self.running.remove(name)


def _run(units: int | None, scene: Any) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            calls = Calls(units, tasks)
            await scene(calls)
            for name in list(calls._ends):
                await calls.end(name)

    asyncio.run(main())


@pytest.fixture
def play() -> Any:
    return _run


def test_costs_add_up_to_the_limit_and_later_calls_wait(play: Any) -> None:
    """DT-104"""

    async def scene(calls: Calls) -> None:
        for name, cost in (("a", 2), ("b", 1), ("c", 2), ("d", 1)):
            await calls.begin(name, cost)
        assert calls.running == ["a", "b"]
        assert calls.turns.waiting == 2
        await calls.end("a")
        assert calls.running == ["b", "c"]

    play(3, scene)


def test_nobody_overtakes_even_where_it_would_fit(play: Any) -> None:
    async def scene(calls: Calls) -> None:
        for name, cost in (("a", 2), ("b", 2), ("c", 1)):
            await calls.begin(name, cost)
        assert calls.running == ["a"]

    play(3, scene)


def test_a_call_that_costs_more_than_there_is_runs_alone(play: Any) -> None:
    async def scene(calls: Calls) -> None:
        await calls.begin("large", 9)
        await calls.begin("small", 1)
        assert calls.running == ["large"]
        await calls.end("large")
        assert calls.running == ["small"]

    play(4, scene)


def test_a_call_that_leaves_the_queue_lets_the_next_one_pass(play: Any) -> None:
    async def scene(calls: Calls) -> None:
        await calls.begin("a", 2)
        leaving = await calls.begin("b", 2)
        await calls.begin("c", 1)
        leaving.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        assert calls.running == ["a", "c"]

    play(3, scene)


def test_without_a_limit_everybody_runs(play: Any) -> None:
    async def scene(calls: Calls) -> None:
        for name in "abc":
            await calls.begin(name, 100)
        assert calls.running == ["a", "b", "c"]

    play(None, scene)
