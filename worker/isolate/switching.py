"""Stack switching: synchronous code waits for an awaitable, and meanwhile everybody else goes on.

Production's interpreter suspends its whole stack. Here each step of a task runs on a stack of its own, a greenlet,
which the next step of any task uses again. `_wait` hands the future that it meets to the event loop, as `await` would,
in the middle of a step; then the stack belongs to that task until the step is over. So `run_sync` works below any depth
of synchronous code, in sync and in async handlers (PW-122), and events that wait in this way interleave. A callback of
the loop is no step of a task: there it is refused, as in production.

Between steps a task is all in its coroutine, where the garbage collector sees it; a stack hides what it refers to.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final

from greenlet import getcurrent, greenlet

from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.scope import in_request
from paddock.worker.isolate.web.suspend import set_switcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["install"]

#: Stacks that are kept for later; more are only there while as many tasks wait in the middle of a step.
_MOST_IDLE: Final = 8
#: What a stack has come to: a step that is over, with a future or with an exception, or one that waits for a future.
_YIELDED, _RAISED, _WAITS = range(3)


def install(loop: asyncio.AbstractEventLoop) -> None:
    """Have every task that the loop starts from now on able to wait in synchronous code."""
    _idle.clear()  # they belong to the thread of the loop before, where there was one
    loop.set_task_factory(_task)  # type: ignore[arg-type]  # typeshed knows no coroutines but native ones
    set_switcher(_can_wait, _wait)


class _Stack(greenlet):
    """A stack. Its parent is whoever resumed it: the loop. Jobs and outcomes go through attributes, so that the frames
    of an idle stack refer to nothing."""

    def __init__(self) -> None:
        super().__init__(self._work)
        self.job: tuple[Callable[[Any], Any], object] | None = None
        self.outcome: tuple[int, Any] = (_YIELDED, None)

    def _work(self) -> None:
        while True:
            self.outcome = self._done()
            self.pause()

    def _done(self) -> tuple[int, Any]:
        assert self.job is not None, "a stack is resumed with a job"
        (call, argument), self.job = self.job, None
        try:
            return _YIELDED, call(argument)
        except BaseException as error:  # StopIteration above all: it goes to the task, as everything else does
            return _RAISED, error

    def pause(self) -> Any:
        """Go back to whoever resumed this stack; returns what it is resumed with."""
        parent = self.parent
        assert parent is not None, "only the loop's stack has none"
        return parent.switch()


_idle: Final[list[_Stack]] = []


def _task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], *, context: Context | None = None, **more: Any
) -> asyncio.Task[Any]:
    context = copy_context() if context is None else context
    return asyncio.Task(_Switchable(coroutine, context), loop=loop, context=context, **more)


class _Switchable(Coroutine[Any, Any, Any]):
    """A coroutine whose steps run on stacks of their own. `_stack` is set while it waits in the middle of a step."""

    __slots__ = ("__weakref__", "_context", "_coroutine", "_stack")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], context: Context) -> None:
        self._coroutine = coroutine
        self._context = context
        self._stack: _Stack | None = None

    def send(self, value: object) -> Any:
        return self._step(self._coroutine.send, value, is_error=False)

    def throw(self, kind: Any, value: Any = None, trace: Any = None) -> Any:
        error = kind if isinstance(kind, BaseException) else (kind() if value is None else value)
        return self._step(self._coroutine.throw, error, is_error=True)

    def close(self) -> None:
        if self._stack is None:
            self._coroutine.close()
            return
        with contextlib.suppress(GeneratorExit, StopIteration):
            self.throw(GeneratorExit())

    def __await__(self) -> Any:
        return (yield from self._coroutine.__await__())

    def __getattr__(self, name: str) -> Any:
        # What introspects tasks (anyio does) finds the coroutine's own state.
        return getattr(self._coroutine, name)

    def _step(self, call: Callable[[Any], Any], argument: object, *, is_error: bool) -> Any:
        """One step from here to the next future. `is_error`: the argument is an exception to throw."""
        stack, resumed = self._stack, self._stack is not None
        if stack is None:
            stack = _idle.pop() if _idle else _Stack()
            stack.job = (call, argument)
            # One that waits has its own: that of a `Context.run` which it waits in, where there is one.
            stack.gr_context = self._context
        stack.parent = getcurrent()
        if resumed:
            stack.switch((is_error, argument))
        else:
            stack.switch()
        (kind, value), stack.outcome = stack.outcome, (_YIELDED, None)
        self._stack = stack if kind == _WAITS else None
        if kind != _WAITS and len(_idle) < _MOST_IDLE:
            stack.gr_context = None
            _idle.append(stack)
        if kind != _RAISED:
            return value
        try:
            raise value
        finally:
            del value  # its traceback has this frame


def _can_wait() -> bool:
    return isinstance(getcurrent(), _Stack) and (in_request() or era.current().waits_at_import)


def _wait(awaitable: Awaitable[object]) -> object:
    """The result of an awaitable; the running task waits for it in the middle of its step."""
    stack = getcurrent()
    assert isinstance(stack, _Stack), "the caller has asked _can_wait"
    coroutine = _awaited(awaitable)
    call: Callable[[Any], Any] = coroutine.send
    argument: object = None
    while True:
        try:
            future = call(argument)
        except StopIteration as stop:  # what user code raises in a coroutine is never a StopIteration
            return stop.value
        stack.outcome = (_WAITS, future)
        is_error, argument = stack.pause()
        call = coroutine.throw if is_error else coroutine.send


async def _awaited(awaitable: Awaitable[object]) -> object:
    return await awaitable
