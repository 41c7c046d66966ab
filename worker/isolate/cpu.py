"""Processor time of each event, and its limit.

One process runs many events at once, so the kernel's count of the process says nothing of one of them. A timer that
counts processor time (ITIMER_PROF) interrupts the process every few milliseconds of it, and what has been used since
goes to the event whose code runs at that moment. An idle process is never interrupted.

An event over its limit gets `CpuLimitExceeded` raised in the middle of its code, as production's Python Workers do, and
its request fails alone (PW-161). Code that catches it and goes on ends the process at twice the limit; code that cannot
be interrupted, because it is not Python, ends by the server's watchdog (`worker/watchdog.py`).
"""

from __future__ import annotations

import os
import signal
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from paddock.worker import wire
from paddock.worker.isolate.web.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

__all__ = ["CpuLimitExceeded", "CpuMeter", "user_lines"]

#: Between two looks, in seconds of processor time. A limit has four of them, as far as the kernel's clock ticks.
_LOOK_EVERY_S: Final = 0.01
_SHORTEST_S: Final = 0.002
#: Beyond twice the limit and this, the process leaves.
_LENIENCE_S: Final = 0.25
_OURS: Final = str(Path(__file__).parent.parent) + os.sep
_STANDARD_LIBRARY: Final = sysconfig.get_path("stdlib") + os.sep
_PACKAGES: Final = f"{os.sep}site-packages{os.sep}"


class CpuLimitExceeded(LimitExceeded):
    """Raised in a handler that has used up its processor time. Not an Exception, so that `except Exception` lets it by.

    Source: workerd, Python introspection: production's class of this name derives from BaseException as well.
    """

    def __init__(self) -> None:
        super().__init__("Worker exceeded CPU time limit.")


class CpuMeter:
    """Counts and limits the processor time of events. `current` tells whose code runs.

    `on_limit` gets an event that is over its limit, at every look, and why.
    """

    def __init__(
        self, limit_ms: int, current: Callable[[], int | None], on_limit: Callable[[int, CpuLimitExceeded], None]
    ) -> None:
        self._current = current
        self._limit_s = limit_ms / 1000
        self._look_every_s = max(_SHORTEST_S, min(_LOOK_EVERY_S, self._limit_s / 4))
        self._on_limit = on_limit
        self._used: dict[int, float] = {}
        self._before = 0.0

    def start(self) -> None:
        """Begin to count, in the main thread."""
        self._before = time.process_time()
        signal.signal(signal.SIGPROF, self._look)
        signal.siginterrupt(signal.SIGPROF, False)  # native code need not know that it was interrupted
        signal.setitimer(signal.ITIMER_PROF, self._look_every_s, self._look_every_s)

    def stop(self) -> None:
        """Count no more."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def forget(self, event: int) -> int:
        """The event is over. Milliseconds that it took, as far as they were seen."""
        return round(self._used.pop(event, 0.0) * 1e3)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        now = time.process_time()
        spent, self._before = now - self._before, now
        event = self._current()
        if event is None:
            return
        used = self._used[event] = self._used.get(event, 0.0) + spent
        if used <= self._limit_s + self._look_every_s:  # one look may have counted what ran just before the event
            return
        if used > 2 * self._limit_s + _LENIENCE_S:
            os._exit(wire.CPU_LIMIT_EXIT)
        error = CpuLimitExceeded()
        for line in user_lines(_stack(frame)):
            error.add_note(line)
        self._on_limit(event, error)
        if _is_users(frame):
            raise CpuLimitExceeded


def user_lines(frames: Iterable[FrameType]) -> tuple[str, ...]:
    """One line for each frame of the user's own code, as a traceback shows it."""
    shown = (frame for frame in frames if _owner(frame) == "user")
    return tuple(f'  File "{f.f_code.co_filename}", line {f.f_lineno}, in {f.f_code.co_name}' for f in shown)


def _stack(frame: FrameType | None) -> list[FrameType]:
    """The frame and its callers, outermost first, up to whoever of us called the user's code."""
    frames: list[FrameType] = []
    while frame is not None and _owner(frame) != "paddock":
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _is_users(frame: FrameType | None) -> bool:
    """Whether user code runs, or called what runs: only there may an exception come out of nowhere."""
    while frame is not None and (owner := _owner(frame)) == "library":
        frame = frame.f_back
    return frame is not None and owner == "user"


def _owner(frame: FrameType) -> Literal["paddock", "library", "user"]:
    file = frame.f_code.co_filename
    if file.startswith(_OURS):
        return "paddock"
    is_library = file.startswith("<frozen") or (file.startswith(_STANDARD_LIBRARY) and _PACKAGES not in file)
    return "library" if is_library else "user"
