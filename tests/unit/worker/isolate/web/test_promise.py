"""Promises: await, chains, cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.promise import Promise, adopt, promised, start
from paddock.worker.isolate.web.scope import enter_request


def _run(coroutine: Any) -> Any:  # results of every type
    return asyncio.run(coroutine)


def test_work_begins_when_called() -> None:
    """PW-144."""

    async def main() -> list[str]:
        order: list[str] = []

        async def work() -> None:
            order.append("work")

        promise = start(work())
        await asyncio.sleep(0)
        order.append("after")
        await promise
        return order

    assert _run(main()) == ["work", "after"]


def test_promise_is_recognised_by_then() -> None:
    promise = Promise.resolve(1)
    assert hasattr(promise, "then")
    assert promise.constructor.name == "Promise"  # type: ignore[attr-defined]  # constructors have names


def test_executor_and_chain() -> None:
    async def main() -> object:
        promise: Promise[Any] = Promise.new(lambda resolve, reject: resolve(1))
        return await promise.then(lambda value: value + 1).then(lambda value: adopt(value * 2))

    assert _run(main()) == 4


def test_rejection_skips_to_catch() -> None:
    async def main() -> object:
        return await Promise.reject(JsException("E", "m")).then(lambda value: "no").catch(lambda error: error.message)

    assert _run(main()) == "m"


def test_python_exceptions_come_back_as_the_original() -> None:
    error = ValueError("mine")

    async def main() -> None:
        def fail(_value: object) -> None:
            raise error

        await Promise.resolve(1).then(fail)

    with pytest.raises(ValueError, match="mine") as caught:
        _run(main())
    assert caught.value is error


def test_other_reasons_are_wrapped_in_an_error() -> None:
    async def main() -> None:
        await Promise.reject("text")

    with pytest.raises(JsException, match="thrown as an error: text"):
        _run(main())


def test_finally_runs_either_way() -> None:
    async def main() -> list[object]:
        seen: list[object] = []
        await Promise.resolve(1).finally_(lambda: seen.append("ok"))
        with pytest.raises(JsException):
            await Promise.reject("x").finally_(lambda: seen.append("failed"))
        return seen

    assert _run(main()) == ["ok", "failed"]


def test_all_race_and_all_settled() -> None:
    async def later(value: object) -> object:
        await asyncio.sleep(0)
        return value

    async def main() -> list[object]:
        settled: Any = await Promise.allSettled([1, Promise.reject("no")])
        first = await Promise.race([later("slow"), "fast"])
        return [list(await Promise.all([1, later(2)])), first, [entry.status for entry in settled]]  # type: ignore[call-overload]  # an array

    assert _run(main()) == [[1, 2], "fast", ["fulfilled", "rejected"]]


def test_first_rejection_rejects_all() -> None:
    async def main() -> None:
        await Promise.all([asyncio.sleep(0), Promise.reject(JsException("E"))])

    with pytest.raises(JsException, match="E"):
        _run(main())


def test_cancelling_the_only_waiter_cancels_the_work() -> None:
    """PW-140."""

    async def main() -> None:
        cancelled = asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        promise = start(work())
        async with asyncio.TaskGroup() as tasks:
            await _cancelled_while_waiting(tasks, promise)
        await cancelled.wait()

    _run(main())


def test_other_waiters_keep_the_work_alive() -> None:
    """PW-145."""

    async def main() -> object:
        gate = asyncio.Event()

        async def work() -> str:
            await gate.wait()
            return "done"

        promise = start(work())
        async with asyncio.TaskGroup() as tasks:
            waiter = tasks.create_task(_await(promise))
            await _cancelled_while_waiting(tasks, promise)
            gate.set()
        return waiter.result()

    assert _run(main()) == "done"


def test_keywords_become_a_trailing_object() -> None:
    """PW-134."""

    class Binding:
        @promised
        async def run(self, model: str, inputs: Any = None) -> object:
            return model, list(inputs.object_keys())

    async def main() -> object:
        return await Binding().run("m", messages=[], max_tokens=5)

    assert _run(main()) == ("m", ["messages", "max_tokens"])


def test_unhandled_rejections_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        Promise.reject(ValueError("nobody looks"))

    _run(main())
    assert [record.message for record in caplog.records] == ["unhandled_rejection"]


async def _cancelled_while_waiting(tasks: asyncio.TaskGroup, promise: Promise[Any]) -> None:
    waiter = tasks.create_task(_await(promise))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait([waiter])


async def _await(promise: Promise[Any]) -> Any:
    return await promise


def test_promise_cannot_follow_itself() -> None:
    async def main() -> None:
        promise: Promise[object] = Promise.pending()
        following = promise.then(lambda _value: following)
        promise._resolve()
        with pytest.raises(JsException, match="Chaining cycle"):
            await following

    _run(main())


def test_work_that_is_cancelled_before_its_first_step_rejects() -> None:
    async def main() -> None:
        async def work() -> None:
            raise AssertionError("never begun")

        async with enter_request():
            promise = start(work())
        with pytest.raises(JsException, match="AbortError"):
            await promise

    _run(main())
