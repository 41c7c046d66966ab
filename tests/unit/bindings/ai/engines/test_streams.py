"""Readers of many streams are woken together, and nobody waits who need not."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from paddock.bindings.ai.engines.clock import ManualClock
from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest, SamplingParams
from paddock.bindings.ai.engines.streams import Pace, Stream
from paddock.bindings.errors import EngineDead

MANY = 5


class Scene:
    """Streams of one engine, each with a reader that notes what it gets, and a clock that the test moves."""

    def __init__(self, tasks: asyncio.TaskGroup, count: int) -> None:
        self.clock = ManualClock()
        self._pace = Pace(self.clock)
        self.streams = [Stream(EngineRequest(SamplingParams(8), "x"), self._pace) for _ in range(count)]
        self.got: list[list[EngineChunk]] = [[] for _ in self.streams]
        for stream, got in zip(self.streams, self.got, strict=True):
            tasks.create_task(self._read(stream, got))

    @staticmethod
    async def _read(stream: Stream, got: list[EngineChunk]) -> None:
        while not got or got[-1].finish_reason is None:
            got.append(await stream.next())

    async def step(self, *, is_last: bool = False, only: int | None = None) -> None:
        """One step of the engine, and time for whoever was woken."""
        for stream in self.streams[:only]:
            stream.push(EngineChunk("a", 1, "stop" if is_last else None))
        self._pace.step(len(self.streams))
        await self.settle()

    async def settle(self) -> None:
        """Let every task run until it waits. A task that was woken needs two turns at most."""
        for _ in range(3):
            await asyncio.sleep(0)

    def counts(self) -> list[int]:
        return [len(got) for got in self.got]


@pytest.fixture
def play() -> Callable[[int, Callable[[Scene], Coroutine[Any, Any, None]]], None]:
    """Runs a scene of this many streams, and ends them all."""

    def run(count: int, script: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            async with asyncio.TaskGroup() as tasks:
                scene = Scene(tasks, count)
                await scene.settle()
                await script(scene)
                await scene.step(is_last=True)

        asyncio.run(main())

    return run


def test_first_chunks_wake_their_readers_at_once(play: Any) -> None:
    async def script(scene: Scene) -> None:
        await scene.step()
        assert scene.counts() == [1] * MANY

    play(MANY, script)


def test_with_many_streams_open_later_chunks_leave_at_the_pace_and_together(play: Any) -> None:
    async def script(scene: Scene) -> None:
        await scene.step()
        await scene.step()
        before = scene.counts()
        await scene.step()
        await scene.step()
        assert scene.counts() == before == [2] * MANY, "the pace was free for one step and no more"
        scene.clock.advance(0.010)
        await scene.settle()
        assert scene.counts() == [4] * MANY
        assert [chunk.is_followed for chunk in scene.got[0]] == [False, False, True, False]

    play(MANY, script)


def test_with_few_streams_open_every_chunk_leaves_at_once(play: Any) -> None:
    async def script(scene: Scene) -> None:
        for number in range(1, 4):
            await scene.step()
            assert scene.counts() == [number] * 4

    play(4, script)


def test_steps_that_are_far_apart_wait_for_nothing(play: Any) -> None:
    async def script(scene: Scene) -> None:
        for number in range(1, 4):
            await scene.step()
            assert scene.counts() == [number] * MANY
            scene.clock.advance(0.010)

    play(MANY, script)


def test_last_chunk_leaves_at_once_with_what_waited(play: Any) -> None:
    async def script(scene: Scene) -> None:
        for _ in range(3):
            await scene.step()
        assert scene.counts() == [2] * MANY
        await scene.step(is_last=True, only=1)
        assert scene.counts() == [4, 2, 2, 2, 2]
        assert not scene.got[0][-1].is_followed
        del scene.streams[0]

    play(MANY, script)


def test_crowds_of_readers_are_woken_over_several_turns_of_the_loop(play: Any) -> None:
    async def script(scene: Scene) -> None:
        await scene.step()
        await scene.step()
        assert sum(scene.counts()) == 100 + 32
        scene.clock.advance(0.0)  # makes the calls that are due now, and those that they ask for
        await scene.settle()
        assert sum(scene.counts()) == 200

    play(100, script)


def test_a_failure_is_told_at_once_behind_the_chunks_that_are_there() -> None:
    async def main() -> None:
        clock = ManualClock()
        stream = Stream(EngineRequest(SamplingParams(8), "x"), Pace(clock))
        stream.push(EngineChunk("a", 1))
        stream.fail(EngineDead("gone"))
        assert (await stream.next()).text == "a"
        with pytest.raises(EngineDead):
            await stream.next()

    asyncio.run(main())
