"""What a failed test shows of the way between it and its handler: nothing, unless pytest is run with `--full-trace`."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Final

from paddock.bindings.errors import PaddockError
from paddock.worker.testing import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["leave_out_the_way"]

#: Where the way begins, and what else it leads through.
_BEGINS: Final = frozenset({"httpx", "paddock"})
_WAY: Final = _BEGINS | {"anyio", "asyncio", "concurrent", "threading"}


def leave_out_the_way(error: BaseException) -> None:
    """Leave frames of the kit and of httpx out of the traceback of what a test raised, and of what that came from.

    What is raised on the way itself, and is not for users, is a mistake of ours: it stays as it is.
    """
    for raised in list(_chain(error)):
        trace = list(_entries(raised.__traceback__))
        at = next((at for at, entry in enumerate(trace) if _package(entry) in _BEGINS), len(trace))
        user = [entry for entry in trace[at:] if _package(entry) not in _WAY]
        if at == len(trace) or not (_is_for_users(raised) or user[-1:] == trace[-1:]):
            continue
        if isinstance(raised, PaddockError):  # its text says all; it comes from how processes talk
            raised.__cause__, raised.__suppress_context__ = None, True
        if trace[:at] or user or raised is not error:
            raised.__traceback__ = _joined([*trace[:at], *user])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_for_users(error: BaseException) -> bool:
    return isinstance(error, PaddockError) or type(error).__module__ == errors.__name__


def _package(entry: types.TracebackType) -> str:
    return str(entry.tb_frame.f_globals.get("__name__", "")).partition(".")[0]


def _entries(trace: types.TracebackType | None) -> Iterator[types.TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _joined(entries: list[types.TracebackType]) -> types.TracebackType | None:
    joined = None
    for entry in reversed(entries):
        joined = types.TracebackType(joined, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return joined
