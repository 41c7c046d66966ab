"""Queues in memory: messages that producers send become batches for the consumers of the session's workers.

A batch is complete when it is full, or when its oldest message has waited for long enough. What its consumer does not
acknowledge is delivered again, until it has failed too often: then it goes to the dead letter queue, or is dropped.
Defaults and rules are those of the official dev server (Miniflare, queues); like there, nothing outlives the server.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
import uuid
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["Broker", "Consumer", "Decision", "Deliver", "Draft", "Drafts", "Message"]

logger = logging.getLogger(__name__)


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """How a queue is consumed. Times in seconds."""

    queue: str
    max_batch_size: int = 5
    max_batch_timeout: float = 1.0
    #: Deliveries after the first one.
    max_retries: int = 2
    dead_letter_queue: str | None = None
    retry_delay: float = 0.0


class Draft(msgspec.Struct, frozen=True):
    """A message as its producer sends it. The body is JSON: of text the text, of bytes their base64."""

    body: msgspec.Raw
    content_type: Literal["json", "text", "bytes", "v8"] = "json"
    #: Seconds until it may be delivered; None: what the binding says.
    delay_s: float | None = None


class Drafts(msgspec.Struct, frozen=True):
    """What a producer sends at once."""

    messages: list[Draft]


class Message(msgspec.Struct):
    """A message on its way. `timestamp` is in milliseconds since 1970."""

    id: str
    timestamp: int
    body: msgspec.Raw
    content_type: str
    #: The number of this delivery, from 1.
    attempts: int = 1


class _RetryBatch(msgspec.Struct):
    retry: bool = False
    delay_s: float | None = msgspec.field(default=None, name="delaySeconds")


class _RetryMessage(msgspec.Struct):
    id: str = msgspec.field(name="msgId")
    delay_s: float | None = msgspec.field(default=None, name="delaySeconds")


class Decision(msgspec.Struct, kw_only=True):
    """What a consumer made of a batch, in the platform's words."""

    outcome: str
    is_acked: bool = msgspec.field(default=False, name="ackAll")
    batch: _RetryBatch = msgspec.field(default_factory=_RetryBatch, name="retryBatch")
    acked: list[str] = msgspec.field(default_factory=list, name="explicitAcks")
    retried: list[_RetryMessage] = msgspec.field(default_factory=list, name="retryMessages")

    def retries(self, messages: Iterable[Message]) -> list[tuple[Message, float | None]]:
        """The messages that have to be delivered again, each with its delay if it was given one."""
        delays = {message.id: message.delay_s for message in self.retried}
        is_failed = not self.is_acked and (self.outcome != "ok" or self.batch.retry)
        return [
            (message, delays.get(message.id, self.batch.delay_s))
            for message in messages
            if message.id in delays or (is_failed and message.id not in self.acked)
        ]


#: Has the consumer of a queue take a batch. Raises for whatever kept it from doing so.
Deliver: TypeAlias = "Callable[[str, list[Message]], Awaitable[Decision]]"


class Broker:
    """All queues of a session. `start` it before the first message."""

    def __init__(self, consumers: Iterable[Consumer]) -> None:
        self._consumers = {consumer.queue: consumer for consumer in consumers}
        self._waiting = {queue: _Waiting() for queue in self._consumers}
        self._tasks: list[asyncio.Task[None]] = []
        #: Set when a batch was dealt with.
        self._rested = asyncio.Event()

    def start(self, tasks: asyncio.TaskGroup, deliver: Deliver) -> None:
        """Begin to deliver, until `close`."""
        self._tasks = [tasks.create_task(self._consume(consumer, deliver)) for consumer in self._consumers.values()]

    def close(self) -> None:
        """Deliver no more. Messages that wait are gone."""
        for task in self._tasks:
            task.cancel()

    async def flush(self) -> bool:
        """Deliver at once what waits for company only, and what comes of it; whether there was something. Messages
        with a delay stay where they are.
        """
        had_some = False
        while busy := [waiting for waiting in self._waiting.values() if waiting.is_busy]:
            had_some = True
            for waiting in busy:
                waiting.hurry()
            self._rested.clear()
            await self._rested.wait()
        return had_some

    def send(self, queue: str, drafts: Iterable[Draft], delay_s: float) -> None:
        """Take messages; `delay_s` is for those that have no delay of their own."""
        now_ms = time.time_ns() // 1_000_000
        for draft in drafts:
            message = Message(uuid.uuid4().hex, now_ms, draft.body, draft.content_type)
            self._put(queue, message, delay_s if draft.delay_s is None else draft.delay_s)

    def _put(self, queue: str, message: Message, delay_s: float) -> None:
        if queue in self._waiting:
            self._waiting[queue].put(message, delay_s)
        else:
            logger.info("queue_without_consumer queue=%s message=%s dropped", queue, message.id)

    async def _consume(self, consumer: Consumer, deliver: Deliver) -> None:
        waiting = self._waiting[consumer.queue]
        while True:
            batch = await waiting.batch(consumer.max_batch_size, consumer.max_batch_timeout)
            try:
                decision = await deliver(consumer.queue, batch)
            except Exception as error:  # a broken isolate, an import error: the messages are tried again
                logger.error("queue_delivery_failed queue=%s %s", consumer.queue, error)
                decision = Decision(outcome="exception")
            retries = decision.retries(batch)
            logger.info("queue_batch queue=%s acked=%d of=%d", consumer.queue, len(batch) - len(retries), len(batch))
            for message, delay_s in retries:
                self._retry(consumer, message, consumer.retry_delay if delay_s is None else delay_s)
            waiting.rest()
            self._rested.set()

    def _retry(self, consumer: Consumer, message: Message, delay_s: float) -> None:
        if message.attempts <= consumer.max_retries:
            message.attempts += 1
            self._put(consumer.queue, message, delay_s)
            return
        failed, target = message.attempts, consumer.dead_letter_queue
        if target is None:
            text = 'Dropped message "%s" on queue "%s" after %d failed attempts!'
            logger.warning(text, message.id, consumer.queue, failed)
            return
        logger.warning(
            'Moving message "%s" on queue "%s" to dead letter queue "%s" after %d failed attempts...',
            message.id, consumer.queue, target, failed,
        )  # fmt: skip
        message.attempts = 1
        self._put(target, message, 0.0)


class _Waiting:
    """The messages of one queue that nobody has taken yet, in the order in which they may be delivered."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Message]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        #: The batch that is filled, or delivered.
        self._batch: list[Message] = []
        self._patience: asyncio.Timeout | None = None
        self._is_hasty = False

    @property
    def is_busy(self) -> bool:
        """Whether there is something that need not wait for a time of its own."""
        return bool(self._batch) or (bool(self._heap) and self._heap[0][0] <= time.monotonic())

    def hurry(self) -> None:
        """Have the next batch wait for no company."""
        self._is_hasty = True
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time())

    def rest(self) -> None:
        """The batch was dealt with."""
        self._batch, self._is_hasty = [], False

    def put(self, message: Message, delay_s: float) -> None:
        ready = time.monotonic() + delay_s
        heapq.heappush(self._heap, (ready, next(self._numbers), message))
        self._changed.set()

    async def batch(self, most: int, timeout_s: float) -> list[Message]:
        """The next messages: `most` at once, or what is there `timeout_s` after the first one."""
        batch = self._batch = [await self._next()]
        deadline = time.monotonic() + timeout_s
        while len(batch) < most:
            left_s = 0.0 if self._is_hasty else max(0.0, deadline - time.monotonic())
            try:
                async with asyncio.timeout(left_s) as self._patience:
                    batch.append(await self._next())
            except TimeoutError:
                break
            finally:
                self._patience = None
        return batch

    async def _next(self) -> Message:
        while True:
            self._changed.clear()
            wait_s = self._heap[0][0] - time.monotonic() if self._heap else None
            if wait_s is not None and wait_s <= 0:
                return heapq.heappop(self._heap)[2]
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
