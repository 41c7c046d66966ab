"""Whether a server is used: one that fails is left out, each time for longer, and asked before it is used again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.clock import Clock

__all__ = ["Health"]

#: Seconds until a failed server is asked again, by the number of failures in a row.
_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


class Health:
    """Of one server. It begins as not yet known, which is due at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._retry_at = clock.time()
        #: May be given requests.
        self.is_up = False
        #: What the last failure was; empty when there was none since it was last well.
        self.cause = ""

    @property
    def is_due(self) -> bool:
        """Not up, and to be asked now."""
        return not self.is_up and self._clock.time() >= self._retry_at

    @property
    def retry_in_s(self) -> float:
        """Seconds until it is asked again; 0 when it would be now."""
        return max(0.0, self._retry_at - self._clock.time())

    def fail(self, cause: str) -> float:
        """It did not answer, or broke off. Returns for how many seconds it is left out."""
        if not self.is_up and not self.is_due:
            return self.retry_in_s  # several calls meet one failure
        pause_s = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
        self._failures += 1
        self._retry_at = self._clock.time() + pause_s
        self.is_up, self.cause = False, cause
        return pause_s

    def begin(self) -> None:
        """It says that it is well. The pauses start over with its first answer only."""
        self.is_up = True

    def recover(self) -> None:
        """It has answered a call."""
        self._failures, self.cause = 0, ""
