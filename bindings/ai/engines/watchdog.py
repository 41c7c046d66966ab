"""Ends a host that hangs: stopped by a signal, or stuck in native code. No vLLM here.

Silence alone is no sign: a step over a long prompt of a large model takes minutes on a small machine, and sends
nothing. A host that hangs uses no processor time either, and one that works does. So no heartbeat is needed, which a
thread of a stuck host would go on sending.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.bindings.processes import usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.bindings.ai.engines.clock import Clock, Timer

__all__ = ["Watchdog", "processor_s"]

#: A process that uses less than this share of one processor does no work; threads that only wake now and then use less.
_IDLE_SHARE: Final = 0.01


class Watchdog:
    """Calls `bite` when the host owes an answer, has sent no frame for `timeout_s`, and computes nothing.

    It looks twice in that time, so a host that hangs is found out after one and a half of it at the latest. `computed`
    gives the host's processor time so far in seconds, None where nobody knows: then silence alone decides.
    """

    def __init__(
        self,
        timeout_s: float,
        clock: Clock,
        *,
        owes: Callable[[], bool],
        computed: Callable[[], float | None],
        bite: Callable[[], None],
    ) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._owes = owes
        self._computed = computed
        self._bite = bite
        self._timer: Timer | None = None
        self._heard_at = 0.0
        #: At the last look.
        self._computed_s: float | None = None

    def watch(self) -> None:
        """Call this before anything is asked of the host."""
        if not self._owes():
            self.hear()  # it was silent because nobody asked
        if self._timer is None:
            self._wait()

    def hear(self) -> None:
        """The host has sent something."""
        self._heard_at = self._clock.time()

    def stop(self) -> None:
        """The host is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._computed_s = self._computed()
        self._timer = self._clock.call_later(self._timeout_s / 2, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._owes():
            return
        silent_s = self._clock.time() - self._heard_at
        if silent_s >= self._timeout_s and not self._has_worked():
            self._bite()
        else:
            self._wait()

    def _has_worked(self) -> bool:
        before, now = self._computed_s, self._computed()
        return before is not None and now is not None and now - before > _IDLE_SHARE * self._timeout_s / 2


def processor_s(pid: int) -> float | None:
    """Processor time that a process and its children have used, in seconds; None where /proc does not say."""
    own = usage(pid)
    if own is None:
        return None
    children = (usage(child) for child in _children(pid))
    return sum(used.cpu_s + used.reaped_cpu_s for used in (own, *children) if used is not None)


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    with contextlib.suppress(OSError):  # it ends meanwhile
        return [int(child) for file in lists for child in file.read_text().split()]
    return []
