"""Service bindings, and `ctx.exports`: fetchers that lead to an entrypoint of a worker.

The worker itself answers in the same isolate (`own.py`), another worker of the session in its own (`neighbour.py`). For
a worker that does not run here there is nobody to ask: the answers are those of the official dev server. PW-039.
"""

from __future__ import annotations

import logging
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from paddock.worker.isolate.calls import DEFAULT, missing_method
from paddock.worker.isolate.extraevents import EXTRA_EVENTS
from paddock.worker.isolate.neighbour import Neighbour
from paddock.worker.isolate.own import OwnWorker, Target
from paddock.worker.isolate.web.abort import aborting
from paddock.worker.isolate.web.classes import folds_keywords, with_keywords
from paddock.worker.isolate.web.errors import JsException, type_error
from paddock.worker.isolate.web.fetch import Fetcher
from paddock.worker.isolate.web.jsonvalue import from_python
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish
from paddock.worker.isolate.web.promise import Promise, start
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import require_request
from paddock.worker.isolate.web.url import URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker import wire
    from paddock.worker.isolate.remotecalls import RemoteCalls

__all__ = ["Callee", "Service", "exports_of", "service_stub"]

logger = logging.getLogger(__name__)

#: Source: workerd, api/http: how many, and the text for a body that cannot be sent twice.
_MOST_REDIRECTS: Final = 20
_SENT_ONCE: Final = (
    "A request with a one-time-use body (it was initialized from a stream, not a buffer) encountered a redirect "
    "requiring the body to be retransmitted. To avoid this error in the future, construct this request from a "
    "buffer-like body initializer."
)
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_KEEPING_METHOD: Final = (307, 308)


class Callee(Protocol):
    """Who answers behind a service binding. Each raises JsException with what the handler raised."""

    async def fetch(self, target: Target, request: Request, /) -> Response: ...

    async def deliver(self, kind: str, arguments: bytes, /) -> dict[str, object]: ...

    async def call(self, target: Target, method: str, args: tuple[object, ...], /) -> object: ...


class Service(Fetcher):
    """A fetcher to an entrypoint of a worker. Every other name is a method that can be called over RPC."""

    _js_name = "Fetcher"

    def __init__(self, callee: Callee, target: Target) -> None:
        self._callee = callee
        self._entrypoint = target

    @folds_keywords
    def fetch(self, resource: object, init: object = None) -> Promise[Response]:
        require_request()

        async def send() -> Response:
            request = Request.new(resource, init)
            async with aborting(request.abort_signal):
                return await self._followed(request)

        return start(send())

    async def _followed(self, request: Request) -> Response:
        """The response; a redirect leads to the same entrypoint again, unless the request says otherwise."""
        for _ in range(_MOST_REDIRECTS + 1):
            again = _Repeatable(request)
            response = await self._callee.fetch(self._entrypoint, request)
            location = response.headers.get("location")
            if request.redirect != "follow" or response.status not in _REDIRECTS or is_nullish(location):
                return response
            request = again.request(response.status, URL.new(location, request.url).href)
        raise type_error("Too many redirects.")

    def __getattr__(self, name: str) -> Callable[..., Promise[object]]:
        if name == "then" or name.startswith("__"):  # no promise, whatever else it is
            raise AttributeError(name)
        if name in EXTRA_EVENTS and self._entrypoint.entrypoint == DEFAULT and _has_extra_handlers():
            return partial(self._deliver, name)

        def call(*args: object, **members: object) -> Promise[object]:
            require_request()
            if name.startswith("_"):
                return Promise.reject(missing_method(name))
            return start(self._callee.call(self._entrypoint, name, with_keywords(args, members)))

        return call

    def _deliver(self, kind: str, *args: object, **members: object) -> Promise[object]:
        """Have the worker take an event, and tell how it went."""
        require_request()
        arguments = EXTRA_EVENTS[kind](*with_keywords(args, members)).encode()

        async def deliver() -> object:
            told = await self._callee.deliver(kind, arguments)
            if error := told.pop("error"):
                logger.error("%s_failed %s", kind, error)
            return from_python(told)

        return start(deliver())


def _has_extra_handlers() -> bool:
    return bool(import_module("_cloudflare_compat_flags").service_binding_extra_handlers)


class _Repeatable:
    """What is needed of a request to send it a second time; taken before it is sent."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._body = request._bytes
        self._has_stream = request._stream is not None

    def request(self, status: int, url: str) -> Request:
        """The request that a redirect asks for. Raises where its body is gone."""
        method = self._request.method
        keeps = status in _KEEPING_METHOD or method in ("GET", "HEAD") or (status != 303 and method != "POST")
        if keeps and self._has_stream:
            raise type_error(_SENT_ONCE)
        headers = [pair for pair in self._request.header_pairs() if keeps or not pair[0].startswith("content-")]
        return Request.from_parts(method if keeps else "GET", url, headers, self._body if keeps else None)


class _Absent(Fetcher):
    """A fetcher to a worker that does not run here. Source: Miniflare, dev registry."""

    _js_name = "Fetcher"

    def __init__(self, spec: wire.ServiceSpec) -> None:
        self._service, self._entrypoint = spec.service, spec.entrypoint or DEFAULT

    @folds_keywords
    def fetch(self, resource: object, init: object = None) -> Promise[Response]:
        require_request()
        text = f"Couldn't find {self._what()} to proxy to"
        return Promise.resolve(Response.new(text, JsObject({"status": 503})))  # type: ignore[return-value]  # settled

    def __getattr__(self, name: str) -> Callable[..., Promise[object]]:
        if name == "then" or name.startswith("__"):
            raise AttributeError(name)

        def call(*_args: object, **_members: object) -> Promise[object]:
            text = f'Cannot access "{name}" as we couldn\'t find {self._what()} to proxy to.'
            return Promise.reject(JsException("Error", text))

        return call

    def _what(self) -> str:
        return f'a local dev session for the "{self._entrypoint}" entrypoint of service "{self._service}"'


def service_stub(own: OwnWorker, remote: RemoteCalls, spec: wire.ServiceSpec) -> JsProxy:
    """The stub of one service binding."""
    target = Target(spec.entrypoint or DEFAULT, spec.props)
    if spec.is_own:
        return Service(own, target)
    return Service(Neighbour(remote, spec.binding), target) if spec.is_connected else _Absent(spec)


def exports_of(own: OwnWorker, names: tuple[str, ...]) -> JsObject:
    """`ctx.exports`: a fetcher for each exported entrypoint."""
    return JsObject({name: Service(own, Target(name)) for name in names})
