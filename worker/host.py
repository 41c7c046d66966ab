"""Fetches of an isolate: to a binding by its name, to another worker, or outside; counted, as an event has a limit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from paddock.bindings.binding import CallRecord, FetchRequest, FetchResponse
from paddock.bindings.errors import PaddockError
from paddock.worker import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.host import BindingsHost
    from paddock.worker.neighbours import Neighbours
    from paddock.worker.outbound import Outbound
    from paddock.worker.peer import IncomingFetch
    from paddock.worker.tail import TracedEvent

__all__ = ["OUTBOUND", "IsolateHost", "OpenEvent"]

logger = logging.getLogger(__name__)

#: The target that means the outside world.
OUTBOUND = "fetch"

#: Source: production's texts as users report them; one for the outside world, one for everything inside.
_CONFIGURE: Final = (
    "To configure this limit, refer to https://developers.cloudflare.com/workers/wrangler/configuration/#limits"
)
_TOO_MANY_OUTSIDE: Final = f"Too many subrequests by single Worker invocation. {_CONFIGURE}"
_TOO_MANY_INSIDE: Final = f"Too many API requests by single Worker invocation. {_CONFIGURE}"


#: Source: developer docs, "Simultaneous open connections": so many may wait for the head of their response.
_MAX_CONNECTIONS: Final = 6
#: Kinds of bindings whose operations are such connections, as `fetch` to the outside world is.
_CONNECTING: Final = frozenset({"kv", "queue", "r2"})


class OpenEvent:
    """What the server keeps of an event while it runs: the record of its AI calls, and how much it has asked for."""

    def __init__(self, calls: list[CallRecord], subrequests: int, traced: TracedEvent | None = None) -> None:
        self.calls = calls
        #: What tail workers will be told of it, if there are some.
        self.traced = traced
        #: Held while a connection waits for its response; the next ones wait in line.
        self.connections = asyncio.Semaphore(_MAX_CONNECTIONS)
        self._limit = subrequests
        self._outside = self._inside = 0

    def count(self, target: str) -> str:
        """Count one more fetch. What the handler is told when it is one too many, else nothing (PW-164)."""
        if target == OUTBOUND:
            self._outside += 1
            return _TOO_MANY_OUTSIDE if self._outside > self._limit else ""
        self._inside += 1
        return _TOO_MANY_INSIDE if self._inside > self._limit else ""

    def redirected(self) -> str:
        """Count a redirect that `fetch` follows, as a fetch of its own."""
        return self.count(OUTBOUND)


class IsolateHost:
    """Answers the fetches of one isolate. `events` holds the open ones by id.

    The task that runs `__call__` is the cancel scope of the fetch: it ends when the isolate sends Cancel or dies.
    """

    def __init__(
        self, bindings: BindingsHost, outbound: Outbound, neighbours: Neighbours, events: Mapping[int, OpenEvent]
    ) -> None:
        self._bindings = bindings
        self._neighbours = neighbours
        self._outbound = outbound
        self._events = events

    async def __call__(self, incoming: IncomingFetch) -> None:
        """Reply, or fault with what the handler shall see as an exception."""
        event = self._events.get(incoming.fetch.cause) if incoming.fetch.cause is not None else None
        if event is not None and (refusal := event.count(incoming.fetch.target)):
            incoming.fault("Error", refusal)
            return
        try:
            if incoming.fetch.is_upgrade and incoming.fetch.target == OUTBOUND:
                await self._outbound.upgrade(incoming)
                return
            if incoming.fetch.verb == wire.STUB or incoming.fetch.target in self._neighbours:
                await self._neighbours.answer(incoming, event.calls if event is not None else [])
                return
            response = await self._answer(incoming, event)
        except PaddockError as error:
            incoming.fault("Error", str(error))
        except Exception:  # a binding's defect must not end the connection of every other request
            logger.exception("binding_failed target=%s url=%s", incoming.fetch.target, incoming.fetch.url)
            incoming.fault("Error", f"internal error in the binding {incoming.fetch.target}: see the server's log")
        else:
            incoming.reply(response.status, response.status_text, response.headers, response.body, response.url)

    async def _answer(self, incoming: IncomingFetch, event: OpenEvent | None) -> FetchResponse:
        fetch = incoming.fetch
        calls = event.calls if event is not None else None
        request = FetchRequest(fetch.method, fetch.url, fetch.headers, incoming.body, calls, fetch.redirect)
        is_outside = fetch.target == OUTBOUND
        is_connection = is_outside or self._bindings.kinds().get(fetch.target) in _CONNECTING
        async with event.connections if event is not None and is_connection else contextlib.nullcontext():
            if is_outside:
                return await self._outbound.fetch(request, fetch.redirect, event.redirected if event else str)
            return await self._bindings.fetch(fetch.target, request)
