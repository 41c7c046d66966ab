"""Web requests and responses over the channel: the outgoing half of the isolate."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from paddock.worker import wire
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.streams import ReadableStream, iterate_bytes, take_source
from paddock.worker.peer import Peer, PeerFault, PeerGone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.worker.channel import ByteSource
    from paddock.worker.isolate.web.request import Request

__all__ = ["CURRENT_EVENT", "Transport", "wire_body"]

logger = logging.getLogger(__name__)

#: The event on whose behalf code runs, so that the server can end what it started together with it.
CURRENT_EVENT: Final[ContextVar[int | None]] = ContextVar("current_event", default=None)


class Transport:
    """Sends the isolate's fetches: to a binding by its name, or to the outside world as `fetch`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def __call__(self, target: str, request: Request) -> Response:
        """The response to a request. Raises JsException for what the server could not do."""
        head = wire.Fetch(
            self._peer.number(), target, str(request.method), str(request.url), tuple(request.header_pairs()), None,
            CURRENT_EVENT.get(), str(request.redirect),
        )  # fmt: skip
        try:
            answer = await self._peer.fetch(head, wire_body(request.payload()))
        except PeerFault as fault:
            raise JsException(fault.name, fault.message) from fault
        except PeerGone as gone:
            raise JsException("Error", f"Network connection lost: {gone}") from gone
        url, redirected = answer.url or str(request.url), bool(answer.url)
        return Response.from_parts(
            answer.status, answer.status_text, answer.headers, answer.body, url, redirected=redirected
        )


def wire_body(payload: bytes | ReadableStream | None) -> bytes | ByteSource | None:
    """A body ready to send. A stream that nobody has read is the server's own body again, and is only named."""
    if payload is None or isinstance(payload, bytes):
        return payload
    return take_source(payload) or _StreamSource(payload)


class _StreamSource:
    """A ReadableStream as a ByteSource. What user code raises inside it breaks the body off."""

    def __init__(self, stream: ReadableStream) -> None:
        self._pieces: AsyncGenerator[bytes, None] = iterate_bytes(stream)

    async def pull(self) -> bytes | None:
        try:
            return await anext(self._pieces, None)
        except Exception as error:  # user code: its stream may raise anything
            raise OSError(f"{type(error).__name__}: {error}") from error

    async def cancel(self, reason: object) -> None:
        try:
            await self._pieces.aclose()
        except Exception:  # user code: its stream may raise here, too, and nobody waits for it any more
            logger.exception("stream_cancel_failed")
