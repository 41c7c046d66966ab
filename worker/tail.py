"""Tail workers: what became of an event is told to the workers that the configuration names in `tail_consumers`.

The isolate that ran the event knows what it logged and raised; the server knows what it was asked and how it ended. An
item joins both, in the words of the runtime, and is a `tail` event for every consumer. These are not traced themselves,
so that no two workers keep each other busy. Source: workerd, api/trace and io/outcome.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paddock.bindings.errors import PaddockError
from paddock.worker import wire
from paddock.worker.errors import CpuLimitExceeded, MemoryLimitExceeded
from paddock.worker.peer import PeerFault
from paddock.worker.triggers import deliver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from paddock.worker.addressees import Isolate
    from paddock.worker.channel import ByteSource
    from paddock.worker.peer import Answer

__all__ = ["Tail", "TracedEvent"]

logger = logging.getLogger(__name__)

#: The kind of event that a consumer takes.
_TAIL: Final = "tail"
#: Events of a worker that its consumers may be behind with; more are dropped.
_MOST_WAITING: Final = 1000


class TracedEvent:
    """One event, from when it is sent to its isolate until it is over there."""

    def __init__(self, fetch: wire.Fetch, body: bytes | ByteSource | None) -> None:
        self.fetch = fetch
        is_request = fetch.target in (wire.FETCH, wire.CALL, wire.STUB)
        self._arguments = body if isinstance(body, bytes) and not is_request else b""
        self._began_ns = time.time_ns()
        self._began = time.perf_counter()
        self._status: int | None = None
        self.outcome = ""

    def answered(self, answer: Answer) -> None:
        """It has replied; the rest of it may go on."""
        self._status = answer.status

    def failed(self, error: BaseException) -> None:
        """It has ended without a reply."""
        match error:
            case CpuLimitExceeded():
                self.outcome = "exceededCpu"
            case MemoryLimitExceeded():
                self.outcome = "exceededMemory"
            case PaddockError():
                self.outcome = "internalError"
            case PeerFault():
                self.outcome = "exception"
            case _:
                self.outcome = "canceled"

    def item(self, worker: str, told: bytes) -> dict[str, Any]:
        """What is told of it; `told` is what the isolate says, empty when it died."""
        said: dict[str, Any] = msgspec.json.decode(told) if told else {}
        named = {} if self.fetch.entrypoint == wire.DEFAULT else {"entrypoint": self.fetch.entrypoint}
        return {
            "event": self._event(),
            "eventTimestamp": self._began_ns // 1_000_000,
            "logs": said.get("logs", []),
            "exceptions": said.get("exceptions", []),
            "diagnosticsChannelEvents": [],
            "scriptName": worker,
            **named,
            "outcome": self.outcome or said.get("outcome", "unknown"),
            "executionModel": "stateless",
            "truncated": said.get("truncated", False),
            "cpuTime": said.get("cpuTime", 0),
            "wallTime": round((time.perf_counter() - self._began) * 1e3),
        }

    def _event(self) -> dict[str, Any]:
        fetch = self.fetch
        match fetch.target:
            case wire.FETCH:
                response = {} if self._status is None else {"response": {"status": self._status}}
                return {**response, "request": {"headers": fetch.headers, "method": fetch.method, "url": fetch.url}}
            case wire.CALL | wire.STUB:
                return {"rpcMethod": fetch.method if fetch.target == wire.CALL else ""}
            case "scheduled":
                given = msgspec.json.decode(self._arguments)
                return {"scheduledTime": given["time_ms"], "cron": given["cron"]}
            case "queue":
                given = msgspec.json.decode(self._arguments)
                return {"queue": given["queue"], "batchSize": len(given["messages"])}
            case "email":
                envelope = dict(fetch.headers)
                size = len(self._arguments)
                return {"mailFrom": envelope["mail-from"], "rcptTo": envelope["rcpt-to"], "rawSize": size}
        return {}


class Tail:
    """The consumers of one worker's events. `tasks` outlives them."""

    def __init__(
        self, worker: str, consumers: Sequence[Callable[[], Awaitable[Isolate]]], tasks: asyncio.TaskGroup
    ) -> None:
        self._worker = worker
        self._consumers = consumers
        self._tasks = tasks
        self._waiting = 0
        self._idle = asyncio.Event()

    def open(self, fetch: wire.Fetch, body: bytes | ByteSource | None) -> TracedEvent | None:
        """What to keep of an event that begins; None for one that nobody is told of."""
        return TracedEvent(fetch, body) if self._consumers and fetch.target != _TAIL else None

    def close(self, event: TracedEvent, told: bytes) -> None:
        """The event is over: tell the consumers."""
        item = msgspec.json.encode([event.item(self._worker, told)])
        for consumer in self._consumers:
            if self._waiting < _MOST_WAITING:
                self._waiting += 1
                self._tasks.create_task(self._tell(consumer, item))
            else:
                logger.warning(
                    "tail_dropped worker=%s: its consumers are %d events behind", self._worker, self._waiting
                )

    async def _tell(self, consumer: Callable[[], Awaitable[Isolate]], item: bytes) -> None:
        """A consumer that fails fails alone: what it raised is logged, and the event it was told of has long ended."""
        try:
            await self.hand_over(await consumer(), item)
        except (PaddockError, PeerFault, OSError) as error:
            logger.error("tail_failed worker=%s %s", self._worker, error)
        finally:
            self._waiting -= 1
            self._idle.set()

    async def hand_over(self, consumer: Isolate, item: bytes) -> None:
        """Have a consumer take an item."""
        await deliver(consumer, _TAIL, item, [])

    async def told(self) -> bool:
        """Return when the consumers have taken everything; whether they had not."""
        was_waiting = bool(self._waiting)
        while self._waiting:
            self._idle.clear()
            await self._idle.wait()
        return was_waiting
