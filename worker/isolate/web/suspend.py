"""`run_sync`: the result of an awaitable in synchronous code.

Production switches stacks to wait. How that is done here is the isolate's business, which sets it at its start; without
it, and wherever there is no task to suspend, only a promise that is settled already has a result to give.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, cast

from paddock.worker.isolate.web.promise import Promise
from paddock.worker.isolate.web.scope import in_request

__all__ = ["can_run_sync", "run_sync", "set_switcher"]

_CanWait: TypeAlias = Callable[[], bool]
_Wait: TypeAlias = Callable[[Awaitable[object]], object]

#: Source: Pyodide's message for code that nothing can suspend; the official SDK knows the first by its text.
_AT_IMPORT: Final = "No suspender"
_IN_CALLBACK: Final = "Cannot stack switch because the Python entrypoint was a synchronous function."

_switcher: tuple[_CanWait, _Wait] | None = None


def set_switcher(can_wait: _CanWait, wait: _Wait) -> None:
    """Set how to wait, and whether it is possible right here; once, before any handler runs."""
    global _switcher
    _switcher = can_wait, wait


def can_run_sync() -> bool:
    """Whether `run_sync` can wait here: in code that an event runs, and at import but for the oldest era."""
    return _switcher is not None and _switcher[0]()


def run_sync(awaitable: object) -> object:
    """The result of an awaitable; meanwhile other events go on. Raises RuntimeError where it would have to block."""
    if isinstance(awaitable, Promise) and awaitable._is_settled:
        return awaitable._outcome()
    if _switcher is not None and _switcher[0]():
        return _switcher[1](cast("Awaitable[object]", awaitable))
    if hasattr(awaitable, "close"):
        awaitable.close()  # a coroutine that nobody will run
    raise RuntimeError(_IN_CALLBACK if in_request() else _AT_IMPORT)
