"""Why an isolate ends, as those are told whose events it takes along; and what it printed last."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final

from paddock.worker import wire
from paddock.worker.errors import (
    CpuLimitExceeded,
    IsolateCrashed,
    IsolateError,
    LimitExceeded,
    WorkerRestarted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Ending", "with_trace"]

#: What an error about a dead isolate shows of its last output.
_LOG_LINES: Final = 30
#: What it writes down first when it is asked where it is. Source: CPython, faulthandler.
_TRACE_BEGINS: Final = "Stack (most recent call first):"
#: Time for it to begin, which takes a busy machine; then until a line of the user's is there; then for the others. It
#: begins before it goes on with whatever it is ended for, so that memory does not grow meanwhile.
_BEGIN_S: Final = 1.0
_LINE_S: Final = 0.1
_REST_S: Final = 0.02


class Ending:
    """One isolate's. `on_line` gets what it prints, until it is to end: then it is asked where it is."""

    def __init__(self, folder: Path, cpu_ms: int, on_line: Callable[[str, str], None]) -> None:
        self._folder = folder
        self._cpu_ms = cpu_ms
        self._on_line = on_line
        self._last_lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._trace: list[str] = []
        self._has_begun, self._has_line = asyncio.Event(), asyncio.Event()
        #: Why the server ends it, where it does.
        self.verdict: IsolateError | None = None
        #: True once its time to drain is over.
        self.is_cut_off = False

    def show(self, stream: str, line: bytes) -> None:
        """Take a line of its output."""
        text = line.decode(errors="replace")
        is_users = f'"{self._folder}' in text
        if text == _TRACE_BEGINS:
            self._has_begun.set()
        elif is_users and self._has_begun.is_set():
            self._has_line.set()
        if self.verdict is None:
            self._last_lines.append(text)
            self._on_line(stream, text)
        elif is_users:
            # The stack that was asked for: the user's own frames, and not a second time on the console.
            self._trace.append(text)

    async def shown(self) -> None:
        """Return when it has written down where it is, as it was asked to, or has had its time."""
        for sign, patience_s in ((self._has_begun, _BEGIN_S), (self._has_line, _LINE_S)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await sign.wait()
        await asyncio.sleep(_REST_S)

    def error(self, exit_code: int | None, *, has_started: bool) -> IsolateError:
        """What is said. Its output is quoted only where it cannot be that of somebody else's request."""
        if self.verdict is not None:
            return with_trace(self.verdict, self._trace)
        if self.is_cut_off:
            return WorkerRestarted()
        if has_started and exit_code == wire.CPU_LIMIT_EXIT:
            return CpuLimitExceeded(self._cpu_ms)
        return IsolateCrashed(exit_code, () if has_started else tuple(self._last_lines), has_started=has_started)


def with_trace(error: IsolateError, trace: Sequence[str]) -> IsolateError:
    """The error, which says where the handler was if it is about a limit."""
    if isinstance(error, LimitExceeded):
        error.trace = tuple(trace)
    return error
