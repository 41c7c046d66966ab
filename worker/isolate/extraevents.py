"""Events that are delivered over a service binding, by the flag `service_binding_extra_handlers`.

Source: workerd, api/http: Fetcher::scheduled and Fetcher::queue, what they take and what they tell.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.errors import type_error
from paddock.worker.isolate.web.jsonvalue import stringify
from paddock.worker.isolate.web.objects import is_nullish, read
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EXTRA_EVENTS"]

_NO_BODY: Final = "Expected one of body or serializedBody for each message"


def _scheduled(options: object = None) -> str:
    at, cron = _milliseconds(read(options, "scheduledTime")), read(options, "cron")
    return json.dumps({"cron": "" if is_nullish(cron) else js_string(cron), "time_ms": at})


def _queue(name: object = None, messages: object = None, metadata: object = None) -> str:
    if not isinstance(messages, Iterable):
        raise type_error("queue: expected an array of messages")
    return f'{{"queue":{json.dumps(js_string(name))},"messages":[{",".join(map(_message, messages))}]}}'


def _message(message: object) -> str:
    """One message as JSON. A serialized body is V8's own form, which nothing here can read."""
    body = stringify(read(message, "body"))
    if body is None:
        raise type_error(_NO_BODY)
    attempts = read(message, "attempts")
    head = {
        "id": js_string(read(message, "id")),
        "timestamp": _milliseconds(read(message, "timestamp")),
        "attempts": attempts if isinstance(attempts, int) else 1,
    }
    return f'{json.dumps(head)[:-1]}, "body": {body}}}'


def _milliseconds(at: object) -> int:
    value = at.valueOf() if isinstance(at, Date) else at
    return int(value) if isinstance(value, int | float) else int(time.time() * 1e3)


#: By name: the event's arguments as JSON, from those of the call. Raises a TypeError for what is none.
EXTRA_EVENTS: Final[dict[str, Callable[..., str]]] = {"scheduled": _scheduled, "queue": _queue}
