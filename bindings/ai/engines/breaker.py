"""After how many failures a model is left alone, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.bindings.errors import EngineUnavailable

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.clock import Clock

__all__ = ["Breaker"]

#: Seconds until the next start, by the number of failures in a row. The first is answered by a new start at once, for a
#: host that was killed; from the third on the breaker is open.
_PAUSES_S: Final = (0.0, 2.0, 30.0)


class Breaker:
    """Counts failures in a row of one model; an answer in between closes it again."""

    def __init__(self, model: str, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._cause = ""
        self._last_serial = -1

    @property
    def retry_in_s(self) -> float:
        """Seconds until a start is tried again; 0 when it would be now."""
        return max(0.0, self._until - self._clock.time())

    @property
    def cause(self) -> str:
        """What the last failure was; empty when all is well."""
        return self._cause

    def check(self) -> None:
        """Raise EngineUnavailable while the model is left alone."""
        if self.retry_in_s > 0:
            raise EngineUnavailable(
                f"The engine of {self._model} failed {self._failures} times in a row; it is started again in "
                f"{self.retry_in_s:.0f} s. The last failure: {self._cause}",
                retry_after_s=self.retry_in_s,
            )

    def record_failure(self, serial: int, cause: str) -> None:
        """A host failed. All calls of one host report the same serial, and count once."""
        if serial == self._last_serial:
            return
        self._last_serial = serial
        self._failures += 1
        self._cause = cause
        self._until = self._clock.time() + _PAUSES_S[min(self._failures, len(_PAUSES_S)) - 1]

    def record_success(self) -> None:
        """A call was answered."""
        self._failures = 0
        self._until = 0.0
        self._cause = ""
