"""`setTimeout`, `setInterval`, `clearTimeout` and `queueMicrotask`.

A delay needs an event to run for; without one, only `setTimeout(f, 0)` works, as in production (PW-124).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, cast

from paddock.worker.isolate.web.classes import JsFunction
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.promise import adopt
from paddock.worker.isolate.web.scope import current_scope, require_request

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CLEAR_TIMEOUT", "QUEUE_MICROTASK", "SET_INTERVAL", "SET_TIMEOUT"]

logger = logging.getLogger(__name__)


def _set_timeout(callback: object, delay_ms: object = 0, *arguments: object) -> int:
    """Call back once after a delay in milliseconds; the number stops it again."""
    call, delay_s = _checked(callback, arguments), _seconds(delay_ms)
    if delay_s:
        require_request()
    return current_scope().start_timer(delay_s, call)


def _set_interval(callback: object, delay_ms: object = 0, *arguments: object) -> int:
    """Call back again and again; the number stops it."""
    require_request()
    call, delay_s = _checked(callback, arguments), _seconds(delay_ms)
    return current_scope().start_timer(delay_s, call, is_repeating=True)


def _clear_timeout(number: object = None) -> None:
    """Stop a timer. Anything that is no running timer is ignored."""
    if isinstance(number, int):
        current_scope().stop_timer(number)


def _queue_microtask(callback: object) -> None:
    """Call back as soon as the running code returns."""
    if not callable(callback):
        raise type_error(
            "Failed to execute 'queueMicrotask' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'function'."
        )
    asyncio.get_running_loop().call_soon(_checked(callback, ()))


SET_TIMEOUT: Final = JsFunction(_set_timeout, "setTimeout")
SET_INTERVAL: Final = JsFunction(_set_interval, "setInterval")
CLEAR_TIMEOUT: Final = JsFunction(_clear_timeout, "clearTimeout")
QUEUE_MICROTASK: Final = JsFunction(_queue_microtask, "queueMicrotask")


def _checked(callback: object, arguments: tuple[object, ...]) -> Callable[[], None]:
    if not callable(callback):
        shown = f"Received type string ('{callback}')" if isinstance(callback, str) else f"Received {callback}"
        raise type_error(f'The "callback" argument must be of type function. {shown}')

    def call() -> None:
        try:
            adopt(cast("Callable[..., object]", callback)(*arguments))
        except Exception:  # user code: nobody waits for a callback, so its failure is logged
            logger.exception("uncaught_in_callback")

    return call


def _seconds(delay_ms: object) -> float:
    return max(0.0, float(delay_ms)) / 1000 if isinstance(delay_ms, int | float) else 0.0
