"""`run_sync`: the result of an awaitable in synchronous code.

Production switches stacks to wait. Here only a promise that is settled already has a result to give; waiting for
another one comes with stack switching, together with the synchronous HTTP clients that need it.
"""

from __future__ import annotations

from paddock.worker.isolate.web.promise import Promise

__all__ = ["can_run_sync", "run_sync"]


def can_run_sync() -> bool:
    """Whether `run_sync` can wait: not yet."""
    return False


def run_sync(awaitable: object) -> object:
    """The result of a settled promise. Raises RuntimeError for everything that would have to be waited for."""
    if isinstance(awaitable, Promise) and awaitable._is_settled:
        return awaitable._outcome()
    if hasattr(awaitable, "close"):
        awaitable.close()  # a coroutine that nobody will run
    raise RuntimeError(
        "run_sync: Paddock cannot wait for an awaitable in synchronous code yet; make the calling function async and "
        "use await"
    )
