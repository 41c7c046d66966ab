"""`fetch`, and the fetchers that bindings are.

How a request travels is the transport's business: the isolate sets one at its start. Following redirects is done where
the request is sent; `request.redirect` says whether to. PW-096 to PW-104.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from paddock.worker.isolate.web.abort import aborting
from paddock.worker.isolate.web.classes import JsFunction, folds_keywords
from paddock.worker.isolate.web.objects import JsProxy
from paddock.worker.isolate.web.promise import Promise, start
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import require_request

__all__ = ["FETCH", "OUTSIDE", "Fetcher", "Transport", "fetch", "set_transport"]

#: Sends a request to a target, by name, and returns its response. Raises JsException where there is none.
Transport: TypeAlias = Callable[[str, Request], Awaitable[Response]]

#: The target of plain `fetch`: the outside world.
OUTSIDE: Final = "fetch"

_transport: Transport | None = None


def set_transport(transport: Transport) -> None:
    """Set how requests travel; once, before any handler runs."""
    global _transport
    _transport = transport


def fetch(resource: object, init: object = None) -> Promise[Response]:
    """A promise for the response to a URL or a Request. Rejects where the network fails, not for a bad status."""
    require_request()
    return start(_send(OUTSIDE, resource, init))


#: `fetch` as handlers have it: options may be given as keywords.
FETCH: Final = JsFunction(fetch)


class Fetcher(JsProxy):
    """Sends requests to one target: a service, an asset folder, the app behind a binding."""

    def __init__(self, target: str) -> None:
        self._target = target

    @folds_keywords
    def fetch(self, resource: object, init: object = None) -> Promise[Response]:
        """A promise for the target's response to a URL or a Request."""
        require_request()
        return start(_send(self._target, resource, init))


async def _send(target: str, resource: object, init: object) -> Response:
    if _transport is None:
        raise RuntimeError("fetch before set_transport: the isolate sets the transport at its start")
    request = Request.new(resource, init)
    signal = request.abort_signal
    async with aborting(signal):
        response = await _transport(target, request)
    if signal is not None and response._stream is not None:
        signal.when_aborted(response._stream.break_off)
    return response
