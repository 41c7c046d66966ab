"""Synchronous code that waits, on a loop of its own."""

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

import pytest

from paddock.worker.isolate import switching
from paddock.worker.isolate.web import suspend
from paddock.worker.isolate.web.scope import enter_request
from paddock.worker.isolate.web.suspend import can_run_sync, run_sync

_T = TypeVar("_T")
name: ContextVar[str] = ContextVar("name", default="unset")


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test installs is gone after it."""
    monkeypatch.setattr(suspend, "_switcher", None)


def run(make: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """The result of a coroutine in an event's scope, on a loop that switches."""

    async def main() -> _T:
        switching.install(asyncio.get_running_loop())

        async def event() -> _T:
            async with enter_request():
                return await make()

        return await asyncio.get_running_loop().create_task(event())

    return asyncio.run(main())


async def _soon(value: _T) -> _T:
    await asyncio.sleep(0)
    return value


def _deep(depth: int) -> int:
    """Synchronous code that waits on every level."""
    return depth if not depth else run_sync(_soon(1)) + _deep(depth - 1)  # type: ignore[operator,return-value] # ints


def test_synchronous_code_waits_below_any_depth() -> None:
    """PW-122"""

    async def event() -> int:
        return _deep(50)

    assert run(event) == 50


def test_waits_nest() -> None:
    async def inner() -> object:
        return run_sync(_soon("inner"))

    async def event() -> object:
        return [run_sync(inner()), await inner()]

    assert run(event) == ["inner", "inner"]


def test_two_tasks_interleave_while_each_waits_synchronously() -> None:
    seen: list[str] = []

    async def event() -> list[str]:
        async def worker(tag: str) -> None:
            for number in range(3):
                seen.append(f"{tag}{number}")
                run_sync(_soon(None))

        await asyncio.gather(worker("a"), worker("b"))
        return seen

    assert run(event) == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_exceptions_pass_in_both_directions() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    async def event() -> str:
        try:
            run_sync(fails())
        except KeyError as error:
            return repr(error)
        return "nothing"

    assert run(event) == "KeyError('x')"


def test_a_cancelled_task_stops_waiting() -> None:
    async def event() -> list[str]:
        seen: list[str] = []

        async def waits() -> None:
            try:
                run_sync(asyncio.get_running_loop().create_future())
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        task = asyncio.get_running_loop().create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen

    assert run(event) == ["cancelled"]


def test_context_variables_are_those_of_the_task() -> None:
    """PW-167"""

    async def event() -> list[str]:
        async def worker(tag: str) -> str:
            name.set(tag)
            run_sync(_soon(None))
            return name.get()

        found = [await asyncio.get_running_loop().create_task(worker(tag)) for tag in "ab"]
        return [*found, name.get()]

    assert run(event) == ["a", "b", "unset"]


def test_a_wait_within_another_context_comes_back_to_it() -> None:
    """`asyncio.to_thread` runs its function in a copy of the context, in place."""

    async def event() -> tuple[str, str]:
        def inside() -> str:
            name.set("inner")
            run_sync(_soon(None))
            return name.get()

        return contextvars.copy_context().run(inside), name.get()

    assert run(event) == ("inner", "unset")


def test_a_callback_has_no_stack_to_suspend() -> None:
    async def event() -> str:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def callback() -> None:
            try:
                run_sync(_soon(None))
            except RuntimeError as error:
                told.set_result(f"{can_run_sync()} {error}")

        asyncio.get_running_loop().call_soon(callback)
        return await told

    assert run(event).startswith("False Cannot stack switch")


def test_what_inspects_tasks_sees_the_coroutine() -> None:
    async def event() -> tuple[object, object]:
        task = asyncio.current_task()
        assert task is not None
        coroutine: Any = task.get_coro()
        return coroutine.cr_running, coroutine.__name__

    assert run(event)[1] == "event"


def test_a_task_that_nothing_can_wake_is_garbage() -> None:
    async def event() -> object:
        async def waits() -> None:
            await asyncio.get_running_loop().create_future()

        task = asyncio.get_running_loop().create_task(waits())
        task._log_destroy_pending = False  # type: ignore[attr-defined] # that it goes is what is tested
        gone = weakref.ref(task)
        await asyncio.sleep(0)
        del task
        gc.collect()
        return gone()

    assert run(event) is None


def test_a_task_that_never_began_is_cancelled_without_a_trace() -> None:
    async def event() -> bool:
        task = asyncio.get_running_loop().create_task(_soon(1))
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(event)
