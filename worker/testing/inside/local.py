"""An isolate in the process of the tests: for debuggers, coverage and monkeypatching.

It has no process to itself, so what guards and patches a process is left out: limits, the refusal of threads, and the
rules for module level, which only warn. Exceptions are not described: the test gets the handler's own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar, Final

from paddock.worker.isolate import traced
from paddock.worker.isolate.__main__ import serve
from paddock.worker.isolate.cpu import CpuMeter
from paddock.worker.isolate.loader import is_ours
from paddock.worker.isolate.web.scope import is_strict, set_strict
from paddock.worker.isolate.webloop import IsolateLoop
from paddock.worker.testing.inside import background
from paddock.worker.testing.inside.events import TestedEvents

if TYPE_CHECKING:
    import socket
    from types import TracebackType

    from paddock.worker.peer import IncomingFetch

__all__ = ["LocalEvents", "run", "take"]

_RAISED: Final[dict[int, BaseException]] = {}


class LocalEvents(TestedEvents):
    """Events of an isolate that shares its process."""

    is_alone: ClassVar[bool] = False

    def fault(self, incoming: IncomingFetch, name: str, message: str, error: BaseException) -> None:
        """As in `TestedEvents`, by reference."""
        incoming.fault(name, message, "", _kept(error).encode())

    def describe(self, error: BaseException) -> str:
        """As in `TestedEvents`, by reference."""
        return _kept(error)


class _NoMeter(CpuMeter):
    """Counts nothing: the timer and its signal are the process's."""

    def start(self) -> None:
        """Nothing."""


LocalEvents.make_meter = _NoMeter


def run(sock: socket.socket) -> None:
    """Be an isolate in this thread, until the other end hangs up."""
    background.describe = _kept
    loop, was_strict = IsolateLoop(), is_strict()
    try:
        loop.run_until_complete(serve(sock, LocalEvents))
    finally:
        loop.close()
        # What is of the whole process, and not of this thread:
        traced.stop()
        set_strict(was_strict)


def take(number: int) -> BaseException:
    """The exception of this number, without the frames of Paddock before the handler's first."""
    error = _RAISED.pop(number)
    trace: TracebackType | None = error.__traceback__
    while trace is not None and is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return error.with_traceback(trace)


def _kept(error: BaseException) -> str:
    _RAISED[id(error)] = error
    return json.dumps({"local": id(error)})
