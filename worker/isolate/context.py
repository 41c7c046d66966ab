"""The execution context of one event: `ctx.waitUntil` and its limits."""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from paddock.worker.isolate.cpu import CpuLimitExceeded
from paddock.worker.isolate.loader import user_frames
from paddock.worker.isolate.web.objects import JsObject, JsProxy
from paddock.worker.isolate.web.scope import current_scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["WAIT_UNTIL_CUT", "Background", "ExecutionContext", "lengthen_limits", "not_awaitable", "wait_until"]

logger = logging.getLogger(__name__)

#: Source: workerd, io-context.
WAIT_UNTIL_CUT: Final = (
    "waitUntil() tasks did not complete within the allowed time after invocation end and have been cancelled. "
    "See: https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil"
)


class Background:
    """Work that outlives an event's response: like a TaskGroup, but it costs next to nothing where there is none.

    What its tasks raise is theirs to report.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False

    @property
    def is_idle(self) -> bool:
        """True while there is nothing to wait for."""
        return not self._tasks

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin some work. Raises RuntimeError when the event is over."""
        if self._is_over:
            work.close()
            raise RuntimeError("the event is over")
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, limit_s: float) -> None:
        """Wait until everything is done. Raises TimeoutError when it takes longer."""
        if self._tasks:
            async with asyncio.timeout(limit_s) as limit:
                _limits.add(limit)
                while self._tasks:
                    await asyncio.wait(self._tasks)

    async def __aenter__(self) -> Background:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel what is left, and wait until it is gone."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)


class ExecutionContext(JsProxy):
    """What handlers see as `ctx`. Background work lives in `tasks`, a group that the event's own task owns."""

    def __init__(self, tasks: Background, props: object = None, exports: JsObject | None = None) -> None:
        super().__init__()
        self._tasks = tasks
        self.props = JsObject() if props is None else props
        if exports is not None:
            self.exports = exports
        _current.set(self)

    @staticmethod
    def current() -> ExecutionContext:
        """The context of the running event. Raises LookupError outside of events."""
        return _current.get()

    def waitUntil(self, work: Awaitable[object] | object) -> None:
        """Keep `work` alive past the response. What it raises is logged and changes nothing (PW-034 to PW-036).

        What nobody can wait for counts as done, as in production: a warning says that it was no awaitable.
        """
        if not inspect.isawaitable(work):
            logger.warning("%s", not_awaitable(work))
            return
        self._tasks.create_task(_guarded(work))

    def prolong(self, work: Callable[[], Coroutine[object, object, None]]) -> asyncio.Task[None]:
        """Run work that reports its own failure; the event lasts at least as long."""
        try:
            return self._tasks.create_task(work())
        except RuntimeError:  # only the rest of a stream is left of the event, and asked for this
            return current_scope().start(work())

    @property
    def is_idle(self) -> bool:
        """True while the event need not outlive its response."""
        return self._tasks.is_idle

    def passThroughOnException(self) -> None:
        """Accepted; without an origin behind the worker there is nothing to pass through to."""


#: Of the background work of events that are over.
_limits: Final[WeakSet[asyncio.Timeout]] = WeakSet()


def lengthen_limits(seconds: float) -> None:
    """Give background work this much more time: nothing could run meanwhile."""
    for limit in list(_limits):
        if not limit.expired() and (when := limit.when()) is not None:
            limit.reschedule(when + seconds)


_current: Final[ContextVar[ExecutionContext]] = ContextVar("execution_context")


def not_awaitable(work: object) -> TypeError:
    """The error of `waitUntil` for what nobody can wait for."""
    return TypeError(f"waitUntil: expected an awaitable; got {type(work).__name__}")


def wait_until(work: Awaitable[object]) -> None:
    """`waitUntil` of the event that the caller works for: what `from workers import wait_until` reaches (PW-035)."""
    context = _current.get(None)
    if context is None:
        raise RuntimeError("wait_until was called outside of an event: there is nothing that it could prolong")
    context.waitUntil(work)


def _guarded(work: Awaitable[object]) -> Coroutine[None, None, None]:
    async def run() -> None:
        try:
            await work
        except (Exception, CpuLimitExceeded) as error:  # user code: a background failure must not end the event
            logger.error("wait_until_failed %s", user_frames(error).rstrip())

    return run()
