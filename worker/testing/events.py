"""Events that are no requests: what a test sends, and what came of it."""

from __future__ import annotations

import datetime
import time
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.worker.triggers import Outcome

__all__ = ["EventResult", "make_batch", "make_scheduled"]


class EventResult(msgspec.Struct, frozen=True):
    """What the handler made of an event. `details` is all that it said, in the platform's words."""

    outcome: str
    details: dict[str, Any]

    @property
    def acks(self) -> list[str]:
        """Ids of the messages of a batch that were acknowledged one by one."""
        return list(self.details.get("explicitAcks", ()))

    @property
    def is_acked(self) -> bool:
        """Whether the whole batch was acknowledged."""
        return bool(self.details.get("ackAll"))

    @property
    def retries(self) -> list[str]:
        """Ids of the messages of a batch that are to come again, one by one."""
        return [message["msgId"] for message in self.details.get("retryMessages", ())]

    @property
    def is_retried(self) -> bool:
        """Whether the whole batch is to come again."""
        return bool(self.details.get("retryBatch", {}).get("retry"))

    @classmethod
    def of(cls, outcome: Outcome) -> EventResult:
        """What an outcome says."""
        return cls(outcome.outcome, outcome.details)


def make_scheduled(cron: str, at: datetime.datetime | float | None = None) -> bytes:
    """The arguments of a scheduled event; `at` is a time or seconds since 1970, now unless given."""
    seconds = at.timestamp() if isinstance(at, datetime.datetime) else time.time() if at is None else at
    return msgspec.json.encode({"cron": cron, "time_ms": int(seconds * 1000)})


def make_batch(queue: str, bodies: Iterable[Any], *, attempts: int = 1) -> bytes:
    """The arguments of a batch; each body is what JSON can express."""
    now_ms = time.time_ns() // 1_000_000
    messages = [
        {"id": uuid.uuid4().hex, "timestamp": now_ms, "attempts": attempts, "body": body, "content_type": "json"}
        for body in bodies
    ]
    return msgspec.json.encode({"queue": queue, "messages": messages})
