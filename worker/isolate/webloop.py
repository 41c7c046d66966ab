"""The event loop as handlers meet it: one that always runs already, and that synchronous code may wait on.

Production has a single loop, JavaScript's own, which nobody starts or closes: `asyncio.run`, `asyncio.Runner` and
`run_until_complete` suspend the caller's stack until the work is done, and `asyncio.new_event_loop()` is one more name
for the same loop. So test suites and libraries that make loops for themselves run inside a handler. Here the isolate's
loop is uvloop's, and what new loops are is a `WebLoop`, which hands everything on to it.

Source: Pyodide, "pyodide.webloop"; workerd's Python tests, stack-switching-state.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import uvloop

from paddock.worker.isolate.web.scope import in_request
from paddock.worker.isolate.web.suspend import can_run_sync, run_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

__all__ = ["IsolateLoop", "WebLoop", "WebLoopPolicy", "install"]

_sleep = time.sleep


class IsolateLoop(uvloop.Loop):
    """The loop of an isolate. Code that runs on it may wait on it."""

    _executor: Any = None

    def set_default_executor(self, executor: Any) -> None:
        """The first one stays, and runs what is meant for any other: production's loop has one way to run functions."""
        if self._executor is None:
            self._executor = executor
            super().set_default_executor(executor)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]  # less exact
        return super().run_in_executor(self._executor or executor, func, *args)

    def run_until_complete(self, future: Any) -> Any:
        """The result of `future`. Raises RuntimeError where there is no stack to suspend: in callbacks."""
        if not _is_inside():
            return super().run_until_complete(future)
        # A task of its own, as in asyncio: what it does to context variables stays with it.
        return run_sync(self.create_task(future) if can_run_sync() and asyncio.iscoroutine(future) else future)


class WebLoop(asyncio.AbstractEventLoop):
    """What `asyncio.new_event_loop()` makes in a handler: the isolate's loop again, with a life of its own for show."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_debug = False

    def run_until_complete(self, future: Any) -> Any:
        return self._loop.run_until_complete(future)

    def run_forever(self) -> None:
        """Nothing: it runs."""

    def stop(self) -> None:
        """Nothing: it runs for as long as the isolate."""

    def close(self) -> None:
        """Nothing: it runs for as long as the isolate."""

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def get_debug(self) -> bool:
        return self._is_debug

    def set_debug(self, enabled: bool) -> None:
        self._is_debug = enabled

    async def shutdown_asyncgens(self) -> None:
        """Nothing: generators belong to events, and end with them."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Nothing: there are no threads."""


def _handed_on(name: str) -> Callable[..., Any]:
    def method(self: WebLoop, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._loop, name)(*args, **kwargs)

    method.__name__ = name
    return method


for _name in (
    "call_soon", "call_soon_threadsafe", "call_later", "call_at", "time", "create_future", "create_task",
    "run_in_executor", "set_default_executor", "set_task_factory", "get_task_factory", "get_exception_handler",
    "set_exception_handler", "default_exception_handler", "call_exception_handler", "getaddrinfo", "getnameinfo",
    "create_connection", "create_datagram_endpoint", "start_tls", "sock_recv", "sock_recv_into", "sock_sendall",
    "sock_connect", "add_reader", "remove_reader", "add_writer", "remove_writer",
):  # fmt: skip
    setattr(WebLoop, _name, _handed_on(_name))

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # policies go with Python 3.16; production still has one
    _DefaultPolicy: Any = asyncio.DefaultEventLoopPolicy


class WebLoopPolicy(_DefaultPolicy):  # type: ignore[misc]  # chosen at run time, above
    """Makes a WebLoop where a loop runs, and a loop of Python's own everywhere else: in a thread, or at the end."""

    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        loop: asyncio.AbstractEventLoop = asyncio.get_running_loop() if _is_inside() else super().get_event_loop()
        return loop

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        if _is_inside():
            return WebLoop()  # type: ignore[abstract]  # the loop over names above made the missing methods
        loop: asyncio.AbstractEventLoop = super().new_event_loop()
        return loop

    def set_event_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        if not _is_inside():
            super().set_event_loop(loop)


def install() -> None:
    """Make asyncio's ways to run a loop, and `time.sleep`, ways to wait; once, in the isolate's own thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(WebLoopPolicy())
    asyncio.Runner.run = _waiting_runner(asyncio.Runner.run)  # type: ignore[method-assign]  # as production does
    asyncio.run = _waiting_run(asyncio.run)
    time.sleep = _waiting_sleep


def _is_inside() -> bool:
    """Whether a loop runs in this thread."""
    return asyncio._get_running_loop() is not None


def _waiting_runner(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def run(self: asyncio.Runner, coro: Coroutine[Any, Any, Any], *, context: Context | None = None) -> Any:
        if not _is_inside():
            return original(self, coro, context=context)
        loop = self.get_loop()
        return loop.run_until_complete(loop.create_task(coro, context=context))

    return run


def _waiting_run(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def run(main: Coroutine[Any, Any, Any], **options: Any) -> Any:
        if not _is_inside() or options.get("loop_factory") is not None:
            return original(main, **options)
        return asyncio.get_running_loop().run_until_complete(main)

    return run


def _waiting_sleep(seconds: Any) -> None:
    """`time.sleep` that lets other events go on."""
    if threading.current_thread() is threading.main_thread() and in_request() and can_run_sync():
        run_sync(asyncio.sleep(seconds))
    else:
        _sleep(seconds)
