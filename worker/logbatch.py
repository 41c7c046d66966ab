"""Where the log is written: what an event loop logs within some milliseconds leaves in one write.

A line for each request is made and written while no other request waits for it, and many in one go.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BatchedHandler"]

#: Nobody sees a line come this much later.
_TOGETHER_S: Final = 0.005


class BatchedHandler(logging.StreamHandler[TextIO]):
    """Warnings, and what is logged without an event loop, are written at once, behind all that came before."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)
        later = _later() if record.levelno < logging.WARNING else None
        if later is None:
            self.flush()
        elif len(self._records) == 1:
            later(_TOGETHER_S, self.flush)

    def flush(self) -> None:
        """Write what is there; also called when logging is shut down."""
        assert self.lock is not None, "every handler makes its lock"
        with self.lock:
            records, self._records = self._records, []
            if not records:
                return
            try:
                self.stream.write("".join(map(self._line, records)))
                super().flush()
            except Exception:  # as in every handler: what cannot be logged must not end what logs it
                self.handleError(records[-1])

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record) + self.terminator
        except Exception:  # the others can be logged
            self.handleError(record)
            return ""


def _later() -> Callable[[float, Callable[[], None]], object] | None:
    try:
        return asyncio.get_running_loop().call_later
    except RuntimeError:
        return None
