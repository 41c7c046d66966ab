import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from paddock.bindings.ai.engines.clock import ManualClock
from paddock.bindings.ai.engines.scripted import Gate
from paddock.bindings.ai.patience import COMMENT, EVERY_S, primed
from paddock.bindings.errors import EngineUnavailable, InputError
from paddock.worker.channel import BodyBroken


class Events:
    """Two events behind a gate, and whether the generator was closed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.gate = Gate()
        self.is_closed = False
        self._error = error

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            await self.gate.passage()
            if self._error is not None:
                raise self._error
            yield b"one"
            yield b"two"
        finally:
            self.is_closed = True


async def _late(events: Events, clock: ManualClock) -> Any:
    """The source of events that have not come in time."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(primed(events.pieces(), clock))
        await events.gate.arrival()
        clock.advance(EVERY_S)
    return task.result()


def test_events_in_time_come_without_comments() -> None:
    async def main() -> None:
        events = Events()
        events.gate.open()
        source = await primed(events.pieces(), ManualClock())
        assert [await source.pull() for _ in range(3)] == [b"one", b"two", None]

    asyncio.run(main())


def test_an_error_in_time_is_raised() -> None:
    async def main() -> None:
        events = Events(InputError("Error: no"))
        events.gate.open()
        with pytest.raises(InputError):
            await primed(events.pieces(), ManualClock())
        assert events.is_closed

    asyncio.run(main())


def test_late_events_are_waited_for_with_comments() -> None:
    """DT-098"""

    async def main() -> None:
        events, clock = Events(), ManualClock()
        source = await _late(events, clock)
        assert await source.pull() == COMMENT
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(source.pull())
            await asyncio.sleep(0)
            clock.advance(EVERY_S)
        assert second.result() == COMMENT
        events.gate.open()
        assert [await source.pull() for _ in range(3)] == [b"one", b"two", None]

    asyncio.run(main())


def test_a_late_error_breaks_the_stream_off() -> None:
    async def main() -> None:
        events, clock = Events(EngineUnavailable("no load")), ManualClock()
        source = await _late(events, clock)
        assert await source.pull() == COMMENT
        events.gate.open()
        with pytest.raises(BodyBroken, match="no load"):
            await source.pull()

    asyncio.run(main())


def test_a_client_that_leaves_while_it_waits_closes_the_generator() -> None:
    async def main() -> None:
        events, clock = Events(), ManualClock()
        source = await _late(events, clock)
        await source.cancel(None)
        assert events.is_closed

    asyncio.run(main())
