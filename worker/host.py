"""Fetches of an isolate: to a binding by its name, or to the outside world."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from paddock.bindings.binding import CallRecord, FetchRequest, FetchResponse
from paddock.bindings.errors import PaddockError
from paddock.worker.outsocket import answer_upgrade

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.host import BindingsHost
    from paddock.worker.outbound import Outbound
    from paddock.worker.peer import IncomingFetch

__all__ = ["OUTBOUND", "IsolateHost"]

logger = logging.getLogger(__name__)

#: The target that means the outside world.
OUTBOUND = "fetch"


class IsolateHost:
    """Answers the fetches of one isolate. `calls` maps an open event to the record of its AI calls.

    The task that runs `__call__` is the cancel scope of the fetch: it ends when the isolate sends Cancel or dies.
    """

    def __init__(self, bindings: BindingsHost, outbound: Outbound, calls: Mapping[int, list[CallRecord]]) -> None:
        self._bindings = bindings
        self._outbound = outbound
        self._calls = calls

    async def __call__(self, incoming: IncomingFetch) -> None:
        """Reply, or fault with what the handler shall see as an exception."""
        try:
            if incoming.fetch.is_upgrade and incoming.fetch.target == OUTBOUND:
                await answer_upgrade(incoming)
                return
            response = await self._answer(incoming)
        except PaddockError as error:
            incoming.fault("Error", str(error))
        except Exception:  # a binding's defect must not end the connection of every other request
            logger.exception("binding_failed target=%s url=%s", incoming.fetch.target, incoming.fetch.url)
            incoming.fault("Error", f"internal error in the binding {incoming.fetch.target}: see the server's log")
        else:
            incoming.reply(response.status, response.status_text, response.headers, response.body, response.url)

    async def _answer(self, incoming: IncomingFetch) -> FetchResponse:
        fetch = incoming.fetch
        calls = self._calls.get(fetch.cause) if fetch.cause is not None else None
        request = FetchRequest(fetch.method, fetch.url, fetch.headers, incoming.body, calls, fetch.redirect)
        if fetch.target == OUTBOUND:
            return await self._outbound.fetch(request, fetch.redirect)
        return await self._bindings.fetch(fetch.target, request)
