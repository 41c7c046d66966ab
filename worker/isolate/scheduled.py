"""The `scheduled` event: what a cron trigger delivers.

Source: workerd, api/scheduled. PW-026 to PW-029.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paddock.worker.isolate.web.objects import JsProxy

if TYPE_CHECKING:
    from paddock.worker.wire import Headers

__all__ = ["Scheduled", "ScheduledController"]


class _Arguments(msgspec.Struct):
    cron: str
    #: Milliseconds since 1970.
    time_ms: int


class ScheduledController(JsProxy):
    """What the handler is called with."""

    def __init__(self, cron: str, time_ms: int) -> None:
        self.type = "scheduled"
        self.cron = cron
        self.scheduledTime = time_ms
        self._is_final = False

    def noRetry(self) -> None:
        """Say that a failure of this event shall not be repeated."""
        self._is_final = True


class Scheduled:
    """One delivery."""

    def __init__(self, _headers: Headers, body: bytes) -> None:
        arguments = msgspec.json.decode(body, type=_Arguments)
        self.subject = ScheduledController(arguments.cron, arguments.time_ms)

    def result(self) -> dict[str, object]:
        """What the platform tells whoever triggered the event."""
        return {"noRetry": self.subject._is_final}
