"""What `Promise.all`, `Promise.any` and `Promise.allSettled` wait for."""

from __future__ import annotations

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.errors import USER_ERRORS, JsException
from paddock.worker.isolate.web.objects import JsObject
from paddock.worker.isolate.web.promise import Promise, adopt

__all__ = ["all_of", "all_settled_of", "any_of"]


async def all_of(values: list[object]) -> object:
    """All results in order."""
    promises = [adopt(value) for value in values]
    remaining = len(promises)
    settled: Promise[object] = Promise.pending()

    def count(_value: object) -> None:
        nonlocal remaining
        remaining -= 1
        if not remaining:
            settled._resolve()

    for promise in promises:
        promise._react(count, settled._reject)
    if promises:
        await settled
    return JsArray(promise._outcome() for promise in promises)


async def any_of(values: list[object]) -> object:
    """The first result."""
    promises = [adopt(value)._handled() for value in values]
    first: Promise[object] = Promise.pending()
    remaining = len(promises)

    def count(_reason: object) -> None:
        nonlocal remaining
        remaining -= 1
        if not remaining:
            first._reject(_aggregate(promises))

    for promise in promises:
        promise._react(first._resolve, count)
    if not promises:
        raise _aggregate(promises)
    return await first


def _aggregate(promises: list[Promise[object]]) -> JsException:
    error = JsException("AggregateError", "All promises were rejected")
    error.errors = JsArray(promise._value for promise in promises)  # type: ignore[attr-defined]  # as in JavaScript
    return error


async def all_settled_of(values: list[object]) -> object:
    """How each ended."""
    outcomes = []
    for promise in [adopt(value)._handled() for value in values]:
        try:
            outcomes.append(JsObject({"status": "fulfilled", "value": await promise}))
        except USER_ERRORS:  # user code: its rejection is the result here
            outcomes.append(JsObject({"status": "rejected", "reason": promise._value}))
    return JsArray(outcomes)
