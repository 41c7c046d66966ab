"""Web requests and responses over the channel: the outgoing half of the isolate."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from paddock.worker import wire
from paddock.worker.channel import whole
from paddock.worker.isolate.context import wait_until
from paddock.worker.isolate.sockets import Coupling
from paddock.worker.isolate.web.errors import USER_ERRORS, JsException
from paddock.worker.isolate.web.fetch import OUTSIDE
from paddock.worker.isolate.web.lanes import pipe
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes, take_source
from paddock.worker.isolate.web.websocket import WebSocket
from paddock.worker.peer import Answer, Parts, Peer, PeerFault, PeerGone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.worker.channel import ByteSource
    from paddock.worker.isolate.web.request import Request

__all__ = ["CURRENT_EVENT", "Transport", "wire_body"]

logger = logging.getLogger(__name__)

#: The event on whose behalf code runs, so that the server can end what it started together with it.
CURRENT_EVENT: Final[ContextVar[int | None]] = ContextVar("current_event", default=None)


_SWITCHING_PROTOCOLS: Final = 101


class Transport:
    """Sends the isolate's fetches: to a binding by its name, or to the outside world as `fetch`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def __call__(self, target: str, request: Request) -> Response:
        """The response to a request. Raises JsException for what the server could not do."""
        if target == OUTSIDE and _asks_for_socket(request):
            return await self._upgrade(target, request)
        answer = await self._fetch(self._head(target, request), wire_body(request.payload()))
        return _response(request, answer, answer.body)

    async def fetch_service(self, binding: str, request: Request, depth: int) -> Response:
        """The response of another worker. Raises JsException with what its handler raised."""
        if _asks_for_socket(request):
            return await self._upgrade(binding, request, depth)
        answer = await self._fetch(self._head(binding, request, depth=depth), wire_body(request.payload()))
        return _response(request, answer, answer.body)

    async def deliver(self, binding: str, kind: str, arguments: bytes, depth: int) -> bytes:
        """What became of an event of another worker that is no fetch. Raises JsException where it did not take it."""
        head = wire.Fetch(
            self._peer.number(), binding, "POST", f"http://localhost/{kind}", (), None, CURRENT_EVENT.get(),
            verb=kind, depth=depth,
        )  # fmt: skip
        return await whole((await self._fetch(head, arguments)).body)

    async def call(self, target: str, verb: str, name: str, arguments: bytes, parts: Parts, depth: int) -> Answer:
        """The answer to a call of RPC. Raises JsException with what the callee raised."""
        head = wire.Fetch(
            self._peer.number(), target, name, f"http://localhost/{verb}", (), None, CURRENT_EVENT.get(),
            verb=verb, depth=depth,
        )  # fmt: skip
        return await self._fetch(head, arguments, parts)

    async def _upgrade(self, target: str, request: Request, depth: int = 0) -> Response:
        """The response to a request for a WebSocket: with one, or the response by which the server refused."""
        near, far = pipe()
        coupling = Coupling(far)
        answer = await self._fetch(self._head(target, request, is_upgrade=True, depth=depth), coupling.said)
        if answer.status != _SWITCHING_PROTOCOLS or answer.body is None or isinstance(answer.body, bytes):
            return _response(request, answer, answer.body)
        wait_until(coupling.keep(answer.body))
        return _response(request, answer, None, WebSocket.holding(near))

    async def _fetch(self, head: wire.Fetch, body: bytes | ByteSource | None, parts: Parts = ()) -> Answer:
        try:
            return await self._peer.fetch(head, body, parts)
        except PeerFault as fault:
            raise JsException(fault.name, fault.message) from fault
        except PeerGone as gone:
            raise JsException("Error", f"Network connection lost: {gone}") from gone

    def _head(self, target: str, request: Request, *, is_upgrade: bool = False, depth: int = 0) -> wire.Fetch:
        return wire.Fetch(
            self._peer.number(), target, str(request.method), str(request.url), tuple(request.header_pairs()), None,
            CURRENT_EVENT.get(), str(request.redirect), is_upgrade, depth=depth,
        )  # fmt: skip


def _asks_for_socket(request: Request) -> bool:
    return str(request.headers.get("upgrade")).lower() == "websocket"


def _response(
    request: Request, answer: Answer, body: bytes | ByteSource | None, web_socket: WebSocket | None = None
) -> Response:
    url, redirected = answer.url or str(request.url), bool(answer.url)
    return Response.from_parts(
        answer.status, answer.status_text, answer.headers, body, url, redirected=redirected, web_socket=web_socket
    )


def wire_body(payload: bytes | ReadableStream | None) -> bytes | ByteSource | None:
    """A body ready to send. A stream that nobody has read is the server's own body again, and is only named."""
    if payload is None or isinstance(payload, bytes):
        return payload
    return take_source(payload) or _StreamSource(payload)


class _StreamSource:
    """A ReadableStream as a ByteSource. What user code raises inside it breaks the body off."""

    def __init__(self, stream: ReadableStream) -> None:
        self._event = CURRENT_EVENT.get()
        self._pieces: AsyncGenerator[bytes, None] = iterate_bytes(stream)

    async def pull(self) -> bytes | None:
        CURRENT_EVENT.set(self._event)  # of the task that writes the body: user code runs in it
        try:
            return await anext(self._pieces, None)
        except USER_ERRORS as error:  # user code: its stream may raise anything
            raise OSError(f"{type(error).__name__}: {error}") from error

    async def cancel(self, reason: object) -> None:
        try:
            await self._pieces.aclose()
        except USER_ERRORS:  # user code: its stream may raise here, too, and nobody waits for it any more
            logger.exception("stream_cancel_failed")
