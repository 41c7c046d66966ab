"""Whether code runs for an event, and what that event has set going.

Production refuses I/O while a module is imported, and ends everything an event started when the event is over. A scope
stands for one event: promises and timers begin in it, and closing it cancels what is left. It is an owner like a
TaskGroup, but one whose tasks fail on their own: a rejected promise that nobody awaits must not end its siblings.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final
from weakref import ref

from paddock.worker.isolate.web.errors import JsException

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

__all__ = ["Scope", "current_scope", "enter_request", "in_request", "is_strict", "require_request", "set_strict"]

logger = logging.getLogger(__name__)

#: How long the tasks of an event that is over may take to clean up.
_CLEAN_UP_S: Final = 5.0
#: Source: workerd, io-context; the same text for every operation.
_GLOBAL_SCOPE: Final = (
    "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), setting a timeout, "
    "and generating random values are not allowed within global scope. To fix this error, perform this operation "
    "within a handler. https://developers.cloudflare.com/workers/runtime-apis/handlers/"
)


class Scope:
    """Owner of the tasks and timers of one event. Use as `async with`, or close it with `aclose()`.

    It keeps no task alive that nothing else refers to: nothing could ever wake such a task.
    """

    def __init__(self, *, is_request: bool) -> None:
        self.is_request = is_request
        self._tasks: set[ref[asyncio.Task[None]]] = set()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._timer_number = 0

    def start(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a coroutine that reports its own failure; the scope ends the task with itself."""
        task = asyncio.get_running_loop().create_task(coroutine)
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # what waits for nothing just goes
        self._tasks.add(ref(task, self._tasks.discard))
        return task

    @property
    def is_idle(self) -> bool:
        """True when closing it would end nothing, the caller aside."""
        return not self._timers and not self._others()

    def start_timer(self, delay_s: float, callback: Callable[[], None], *, is_repeating: bool = False) -> int:
        """Call `callback` after a delay, once or again and again; the number stops it."""
        self._timer_number += 1
        number, loop = self._timer_number, asyncio.get_running_loop()

        def fire() -> None:
            if is_repeating:
                self._timers[number] = loop.call_later(delay_s, fire)
            else:
                self._timers.pop(number, None)
            callback()

        self._timers[number] = loop.call_later(delay_s, fire)
        return number

    def stop_timer(self, number: int) -> None:
        """Stop a timer. A number that is unknown, or whose timer has fired, is not an error."""
        if timer := self._timers.pop(number, None):
            timer.cancel()

    async def aclose(self) -> None:
        """Cancel what is left, and wait until it is gone: at most for as long as cleaning up may take."""
        if self.is_idle:
            return
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in self._others():
            task.cancel()
        # What a cancelled task starts to clean up, such as cancelling its stream, may still run to its end.
        deadline = time.monotonic() + _CLEAN_UP_S
        while tasks := self._others():
            await asyncio.wait(tasks, timeout=max(0, deadline - time.monotonic()))
            if time.monotonic() >= deadline and self._others():
                logger.warning("scope_left_tasks count=%d", len(self._others()))
                return

    def _others(self) -> list[asyncio.Task[None]]:
        """The tasks that are not over, but for the caller's."""
        left = [task for reference in list(self._tasks) if (task := reference()) is not None and not task.done()]
        own = asyncio.current_task() if left else None
        return [task for task in left if task is not own]

    async def __aenter__(self) -> Scope:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


_is_strict = True
_GLOBAL: Final = Scope(is_request=False)
_scope: Final[ContextVar[Scope]] = ContextVar("scope", default=_GLOBAL)


def enter_request() -> Scope:
    """Mark this task, and every task it starts, as working for a new event. Close the returned scope at its end."""
    scope = Scope(is_request=True)
    _scope.set(scope)
    return scope


def current_scope() -> Scope:
    """The event's scope; the scope of module level outside of any event."""
    return _scope.get()


def in_request() -> bool:
    """Whether code runs for an event."""
    return _scope.get().is_request


def require_request() -> None:
    """Raise what production raises when I/O is tried at module level (PW-104); a warning where nothing is strict."""
    if in_request():
        return
    if _is_strict:
        raise JsException("Error", _GLOBAL_SCOPE)
    logger.warning("%s", _GLOBAL_SCOPE)


def set_strict(is_strict: bool) -> None:
    """Whether what production refuses raises; once, before the handler is imported."""
    global _is_strict
    _is_strict = is_strict


def is_strict() -> bool:
    """Whether what production refuses raises, and is not only warned about."""
    return _is_strict
