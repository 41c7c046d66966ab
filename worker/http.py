"""HTTP as the server speaks it: ASGI messages on one side, requests and responses with streamed bodies on the other."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import IncompleteRequest, RequestTooLarge
from paddock.worker.channel import BodyBroken
from paddock.worker.wire import INLINE_BODY_BYTES

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from paddock.worker.channel import ByteSource
    from paddock.worker.wire import Headers

__all__ = ["Exchange", "text_headers"]

#: The server frames bodies itself.
_FRAMING: Final = frozenset({"transfer-encoding", "connection", "keep-alive"})
#: How long the rest of a refused request may take.
_DISCARD_S: Final = 10.0
_NULL_BODY: Final = frozenset({101, 204, 205, 304})


class _ReceivedBody:
    """The request's body as a ByteSource. Over the limit, it breaks off."""

    def __init__(self, receive: Receive, limit_bytes: int) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._size = 0
        #: Set when nothing more will be read here: from then on `receive` belongs to the disconnect watcher.
        self.over = asyncio.Event()
        #: Set when the client has nothing more to send.
        self.complete = asyncio.Event()
        self.is_disconnected = False
        #: Set when the body turned out to be over the limit.
        self.excess: RequestTooLarge | None = None

    async def pull(self) -> bytes | None:
        while not self.over.is_set():
            message = await self._receive()
            self.note(message)
            if self.is_disconnected:
                raise BodyBroken("the client went away in the middle of its request")
            piece: bytes = message.get("body", b"")
            self._size += len(piece)
            if self._size > self._limit_bytes:
                self.excess = _too_large(self._limit_bytes)
                raise BodyBroken(str(self.excess)) from self.excess
            if piece:
                return piece
        return None

    async def cancel(self, reason: object) -> None:
        """Read no more. What the client still sends is discarded by the disconnect watcher."""
        self.over.set()

    def note(self, message: Message) -> None:
        """Learn from a message whether the request is complete, or the client gone."""
        self.is_disconnected = message["type"] == "http.disconnect"
        if self.is_disconnected or not message.get("more_body"):
            self.over.set()
            self.complete.set()


class Exchange:
    """One HTTP request and its response. `respond` may be called once; bodies stream both ways."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit_bytes: int) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body = _ReceivedBody(receive, limit_bytes)
        self._limit_bytes = limit_bytes
        #: Of the response, once its head is sent.
        self.status = 0

    async def request(self) -> FetchRequest:
        """The request. A small body of known length is read whole; others stream. Raises RequestTooLarge early."""
        scope = self._scope
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        request = FetchRequest(scope["method"], _url(scope), headers)
        length = request.header("content-length")
        if length is not None and int(length) > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        if length is None and request.header("transfer-encoding") is None:
            self._body.over.set()
        elif length is not None and int(length) <= INLINE_BODY_BYTES:
            pieces = []
            while (piece := await self._body.pull()) is not None:
                pieces.append(piece)
            request.body = b"".join(pieces)
        else:
            request.body = self._body
        return request

    @property
    def excess(self) -> RequestTooLarge | None:
        """Set once the request's body is known to be over the limit: then that is the answer, whatever else is."""
        return self._body.excess

    async def disconnected(self) -> None:
        """Return when the client is gone. Waits for the request's body first, because it comes the same way."""
        await self._body.over.wait()
        while not self._body.is_disconnected:
            self._body.note(await self._receive())

    async def discard_request(self) -> None:
        """Let the watcher throw away what the client still sends, for a while: many clients read no answer before they
        have sent everything, and closing under them would lose it. One that asked first (100-continue) sends nothing.
        """
        if any(name == b"expect" for name, _ in self._scope["headers"]):
            return
        self._body.over.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_S):
                await self._body.complete.wait()

    async def respond(self, status: int, headers: Headers, body: bytes | ByteSource | None) -> None:
        """Send the response. The source is cancelled on every way out; when it breaks off, so does the response."""
        self.status = status
        has_body = self._scope["method"] != "HEAD" and status not in _NULL_BODY
        raw = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers if n.lower() not in _FRAMING]
        if isinstance(body, bytes) or body is None:
            if has_body and not any(name == b"content-length" for name, _ in raw):
                raw.append((b"content-length", b"%d" % len(body or b"")))
            await self._send({"type": "http.response.start", "status": status, "headers": raw})
            await self._send({"type": "http.response.body", "body": body or b""})
            return
        try:
            # The first piece and the head leave together: what fails before it can still have its own status.
            first = await body.pull() if has_body else None
            await self._send({"type": "http.response.start", "status": status, "headers": raw})
            while first is not None:
                await self._send({"type": "http.response.body", "body": first, "more_body": True})
                first = await body.pull()
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            await body.cancel(None)


def text_headers(*more: tuple[str, str]) -> Headers:
    """Headers of a plain text that Paddock itself says."""
    return (("content-type", "text/plain; charset=utf-8"), *more)


def _too_large(limit_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(f"Request is too large: a body of at most {limit_bytes} bytes is allowed")


def _url(scope: Scope) -> str:
    """The absolute URL that the client asked for, its path and query as they were sent. Raises IncompleteRequest."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not host:
        address, port = scope["server"] or ("localhost", None)
        host = f"{address}:{port}" if port else address
    path = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://{host}{path}{'?' + query if query else ''}"
    try:
        urlsplit(url)
    except ValueError as error:
        raise IncompleteRequest(f"expected a host in the header Host; got {host!r}") from error
    return url
