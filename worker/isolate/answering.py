"""Handlers that will never answer, found instead of waited for (PW-162).

A handler that waits for something which nothing can bring about is garbage: no timer, no fetch, no socket, no thread
and no other event refers to what it waits for, so nothing refers to the handler either. It runs in a task that we hold
no reference to, as whatever can wake it holds one. While a handler takes long, garbage is collected now and then; a
task that goes with it has no future. Nothing that could still answer is ever taken for dead, and a future in a global
variable, which another event could settle, is waited for.

Source: developer docs, Workers errors: "The script will never generate a response".
"""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, TypeVar

from paddock.worker.isolate.cpu import user_lines
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.scope import current_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Answers"]

_T = TypeVar("_T")
_U = TypeVar("_U")

_NEVER: Final = "The script will never generate a response."
#: A handler is looked at when it has waited for this long, then after twice the time, and so on.
_FIRST_LOOK_S: Final = 0.5
#: Of the time, looking may take one part in so many.
_SHARE: Final = 50


class Answers:
    """Runs handlers, by event, and knows which of them have not answered yet."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def of(self, event: int, handler: Coroutine[object, object, _T], use: Callable[[_T], _U]) -> _U:
        """What `use` makes of the handler's result, at once. Raises what they raise, and a JsException when the handler
        will never return.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[_U] = loop.create_future()
        waiting = self._waiting[event] = _Waiting(outcome)
        waiting.begin(
            _run(handler, use, outcome), lambda: outcome.done() or loop.call_soon_threadsafe(self._collected, event)
        )
        del handler  # or this frame would keep alive whatever the handler waits for
        if self._timer is None:
            self._timer = loop.call_later(_FIRST_LOOK_S, self._look)
        try:
            return await outcome
        finally:
            del self._waiting[event]
            waiting.cancel()

    def fail(self, event: int, error: BaseException) -> None:
        """End the wait for this event's handler; nothing where it has answered."""
        waiting = self._waiting.get(event)
        if waiting is not None and not waiting.outcome.done():
            waiting.outcome.set_exception(error)

    def _collected(self, event: int) -> None:
        waiting = self._waiting.get(event)
        if waiting is not None:
            error = JsException("Error", _NEVER)
            for line in waiting.place:
                error.add_note(line)
            self.fail(event, error)

    def _look(self) -> None:
        """Collect garbage if a handler is due. Its task, if it is garbage, says so itself."""
        self._timer = None
        if not self._waiting:
            return
        began = time.monotonic()
        if [waiting for waiting in self._waiting.values() if waiting.is_due(began)]:  # each is asked, for its next time
            gc.collect()
        pause_s = max(_FIRST_LOOK_S, _SHARE * (time.monotonic() - began))
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._look)


class _Waiting:
    """A handler that has not answered: its place for the outcome, and its task as long as anything else keeps it."""

    def __init__(self, outcome: asyncio.Future[Any]) -> None:
        self.outcome = outcome
        #: Where the handler waits, as it was last seen.
        self.place: tuple[str, ...] = ()
        self._task: weakref.ref[asyncio.Task[None]] | None = None
        self._began = time.monotonic()
        self._wait_s = _FIRST_LOOK_S

    def begin(self, work: Coroutine[object, object, None], on_collected: Callable[[], object]) -> None:
        """Start the task. `on_collected` may be called in any thread."""
        self._task = weakref.ref(current_scope().start(work), lambda _: on_collected())

    def is_due(self, now: float) -> bool:
        """Whether it is time to look at it; then its place is noted, and the next time is twice as far away."""
        task = self._task() if self._task is not None else None
        if task is None or now - self._began < self._wait_s:
            return False
        self._wait_s *= 2
        self.place = _place(task)
        return True

    def cancel(self) -> None:
        task = self._task() if self._task is not None else None
        if task is not None:
            task.cancel()


async def _run(handler: Coroutine[object, object, _T], use: Callable[[_T], _U], outcome: asyncio.Future[_U]) -> None:
    try:
        result = await handler
        if outcome.done():  # it was given up
            return
        made = use(result)
    except GeneratorExit:  # it is collected
        raise
    except BaseException as error:  # user code: all that it raises is the outcome, a cancellation and an exit included
        if not outcome.done():
            outcome.set_exception(error)
    else:
        if not outcome.done():
            outcome.set_result(made)


def _place(task: asyncio.Task[None]) -> tuple[str, ...]:
    """Where a suspended task stands in the user's code: a line for each frame, outermost first."""
    frames = []
    inner: object = task.get_coro()
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None)
        if frame is not None:
            frames.append(frame)
        inner = getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None)
    return user_lines(frames)
