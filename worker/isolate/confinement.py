"""No threads and no processes: production has neither, and code that counts on them fails there.

What asks the event loop for a thread (`asyncio.to_thread`, `run_in_executor`) is called in place, as on Pyodide's loop.
Source: developer docs, Python Workers standard library; CPython on Emscripten, for the texts; Pyodide, webloop.
"""

from __future__ import annotations

import _thread
import errno
import os
import subprocess
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["refuse_threads_and_processes"]

#: What starts a thread; which of these names there are depends on CPython's version.
_THREADS: Final = (
    "start_new_thread",
    "start_new",
    "start_joinable_thread",
    "_start_new_thread",
    "_start_joinable_thread",
)
_PROCESSES: Final = ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system")


def refuse_threads_and_processes(loop: asyncio.AbstractEventLoop) -> None:
    """From now on, whoever starts one gets the error of production; once, before the handler is imported."""
    loop.set_default_executor(_InPlace(max_workers=1))
    loop.shutdown_default_executor = _nothing_to_shut_down  # type: ignore[method-assign]  # it would take a thread
    for module in (_thread, threading):
        for name in _THREADS:
            if hasattr(module, name):
                setattr(module, name, _refusing(getattr(module, name)))
    for name in _PROCESSES:
        setattr(os, name, _no_process)
    subprocess.Popen.__init__ = _no_process  # type: ignore[method-assign]  # nothing of it works without


class _InPlace(ThreadPoolExecutor):
    """Calls functions where they are submitted. A ThreadPoolExecutor by name only, which loops insist on."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*args, **kwargs))
        except Exception as error:  # user code: whoever asked gets it
            done.set_exception(error)
        return done


async def _nothing_to_shut_down(timeout: float | None = None) -> None:
    """The executor has no threads."""


def _refusing(start: Callable[..., Any]) -> Callable[..., Any]:
    """A function that starts threads of the debugger (debugpy marks them), and no others."""

    def start_thread(*args: Any, **options: Any) -> Any:
        thread = getattr(args[0], "__self__", None) if args else None
        if not getattr(thread, "is_pydev_daemon_thread", False):
            raise RuntimeError("can't start new thread")
        return start(*args, **options)

    return start_thread


def _no_process(*_args: object, **_options: object) -> NoReturn:
    raise OSError(errno.ENOTSUP, "emscripten does not support processes.")
