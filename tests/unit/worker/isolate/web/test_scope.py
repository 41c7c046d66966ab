"""What one event set going ends with it."""

from __future__ import annotations

import asyncio

from paddock.worker.isolate.web.promise import start
from paddock.worker.isolate.web.scope import current_scope, enter_request, in_request


def test_scope_belongs_to_the_task_and_those_it_starts() -> None:
    """PW-167."""

    async def main() -> list[bool]:
        async with asyncio.TaskGroup() as tasks:
            inside = tasks.create_task(_entered())
        return [in_request(), inside.result()]

    assert asyncio.run(main()) == [False, True]


def test_closing_cancels_tasks_and_timers() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("cancelled")

        async with enter_request() as scope:
            start(work())._handled()
            scope.start_timer(0, lambda: seen.append("fired"))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return seen

    assert asyncio.run(main()) == ["cancelled"]


def test_cleaning_up_may_start_and_finish_work() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def clean_up() -> None:
            await asyncio.sleep(0)
            seen.append("clean")

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                current_scope().start(clean_up())

        async with enter_request():
            start(work())._handled()
            await asyncio.sleep(0)
        return seen

    assert asyncio.run(main()) == ["clean"]


async def _entered() -> bool:
    async with enter_request():
        return await start(_inside())


async def _inside() -> bool:
    return in_request()
