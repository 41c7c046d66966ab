"""Which worker of a session takes an event that is triggered by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from paddock.bindings.binding import CallRecord
    from paddock.worker import wire
    from paddock.worker.channel import ByteSource
    from paddock.worker.peer import Answer

__all__ = ["Addressees", "EventRefused", "Isolate"]


class Isolate(Protocol):
    """Who takes events."""

    async def fetch(self, fetch: wire.Fetch, body: bytes | ByteSource | None, calls: list[CallRecord], /) -> Answer: ...


class EventRefused(Exception):
    """The request is not one that becomes an event; the text says why."""


class Addressees(NamedTuple):
    """The worker that the parameter `worker` names, for a batch the queue's consumer, else the primary worker."""

    primary: Callable[[], Awaitable[Isolate]]
    #: All workers of the session, by name.
    workers: Mapping[str, Callable[[], Awaitable[Isolate]]] = {}
    #: By queue.
    consumers: Mapping[str, Callable[[], Awaitable[Isolate]]] = {}

    async def of(self, query: Mapping[str, str], queue: str = "") -> Isolate:
        """An isolate for an event with these parameters, perhaps of a queue. Raises EventRefused."""
        name = query.get("worker")
        if name is None:
            return await self.consumers.get(queue, self.primary)()
        if name not in self.workers:
            raise EventRefused(f'worker: expected one of {", ".join(self.workers) or "none"}; got "{name}"')
        return await self.workers[name]()
