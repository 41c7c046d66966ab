"""What handlers can ask about the runtime: `performance`, `navigator`, `scheduler`, `reportError`.

Source: workerd, api/performance and api/global-scope. `performance.now()` is `Date.now()` there, so that nobody can
measure what other tenants do; it counts from `timeOrigin`, which is 0.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Final

from paddock.worker.isolate.web.abort import AbortSignal, aborting
from paddock.worker.isolate.web.classes import JsFunction
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import as_exception
from paddock.worker.isolate.web.objects import JsObject, JsProxy, read
from paddock.worker.isolate.web.promise import promised
from paddock.worker.isolate.web.scope import require_request

__all__ = ["NAVIGATOR", "PERFORMANCE", "REPORT_ERROR", "SCHEDULER"]

logger = logging.getLogger(__name__)


class _Performance(JsProxy):
    """`js.performance`."""

    _js_name = "Performance"

    def now(self) -> int:
        """Milliseconds since `timeOrigin`."""
        return Date.now()

    @property
    def timeOrigin(self) -> int:
        return 0

    def toJSON(self) -> JsObject:
        return JsObject({"timeOrigin": self.timeOrigin})


class _Navigator(JsProxy):
    """`js.navigator`."""

    _js_name = "Navigator"
    userAgent = "Cloudflare-Workers"
    language = "en"
    platform = ""

    @property
    def hardwareConcurrency(self) -> int:
        return os.cpu_count() or 1


class _Scheduler(JsProxy):
    """`js.scheduler`."""

    _js_name = "Scheduler"

    @promised
    async def wait(self, delay_ms: object, options: object = None) -> None:
        """Settle after a delay in milliseconds; a signal among the options ends the wait with its reason."""
        require_request()
        signal = read(options, "signal")
        async with aborting(signal if isinstance(signal, AbortSignal) else None):
            await asyncio.sleep(max(0.0, float(delay_ms)) / 1000 if isinstance(delay_ms, int | float) else 0)


def _report_error(error: object = None) -> None:
    """Log an error as if nobody had caught it."""
    logger.error("reported_error", exc_info=as_exception(error))


#: The objects that handlers import.
PERFORMANCE: Final = _Performance()
NAVIGATOR: Final = _Navigator()
SCHEDULER: Final = _Scheduler()
REPORT_ERROR: Final = JsFunction(_report_error, "reportError")
