"""Why an isolate ends, as those are told whose events it takes along; and what it printed last."""

from __future__ import annotations

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


class Ending:
    """One isolate's. `on_line` gets what it prints, until it is to end: then it is asked where it is."""

    def __init__(self, folder: Path, cpu_ms: int, on_line: Callable[[str, str], None]) -> None:
        self._folder = folder
        self._cpu_ms = cpu_ms
        self._on_line = on_line
        self._last_lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._trace: list[str] = []
        #: Why the server ends it, where it does.
        self.verdict: IsolateError | None = None
        #: True once its time to drain is over.
        self.is_cut_off = False

    def show(self, stream: str, line: bytes) -> None:
        """Take a line of its output."""
        text = line.decode(errors="replace")
        if self.verdict is None:
            self._last_lines.append(text)
            self._on_line(stream, text)
        elif f'"{self._folder}' in text:
            # The stack that was asked for: the user's own frames, and not a second time on the console.
            self._trace.append(text)

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
