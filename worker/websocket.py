"""WebSockets of clients: a request for one, its answer, and the messages of both sides.

The request is an ordinary fetch whose body is what the client says, and an answer with status 101 has a body that is
what the worker says (`messages.py`). Any other answer is sent as the HTTP response that it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, TypeGuard

from paddock.bindings.binding import FetchRequest
from paddock.worker.channel import BodyBroken
from paddock.worker.errors import SubprotocolRefused
from paddock.worker.http import FRAMING, Exchange, encoded, request_headers, request_url
from paddock.worker.messages import Close, Failure, MessageBuffer, MessageSource, encode

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from paddock.worker.channel import ByteSource
    from paddock.worker.wire import Headers

__all__ = ["SocketExchange"]

_SWITCHING_PROTOCOLS: Final = 101
_INTERNAL_ERROR: Final = 1011
#: How long a client may take to answer the worker's Close frame.
_CLOSE_S: Final = 10.0
_PROTOCOL: Final = "sec-websocket-protocol"
#: Of the handshake, which the server does itself.
_HANDSHAKE: Final = FRAMING | {"sec-websocket-accept", "sec-websocket-extensions", _PROTOCOL}


class SocketExchange(Exchange):
    """One request for a WebSocket, and everything that comes of it. `respond` returns when the connection is over.

    `disconnected` reads what the client sends, so it has to run for as long as the exchange does.
    """

    is_upgrade = True

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit_bytes: int) -> None:
        super().__init__(scope, receive, send, limit_bytes)
        self.is_streamed = True
        self._messages = MessageSource()
        #: Set when the client has sent its last message.
        self._closed = asyncio.Event()

    async def request(self) -> FetchRequest:
        """The request, as HTTP/1.1 has it. Raises InputError for a Host header that is none."""
        headers = request_headers(self._scope)
        if not any(name == "upgrade" for name, _ in headers):  # HTTP/2 has another way to say it
            headers = (*headers, ("upgrade", "websocket"))
        return FetchRequest("GET", request_url(self._scope), headers, self._messages)

    async def disconnected(self) -> None:
        """Pass the client's messages on, and return when its connection is down."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.receive":
                content = message.get("bytes")
                await self._messages.put(encode(message["text"] if content is None else content))
            elif message["type"] == "websocket.disconnect":
                self._closed.set()
                end = message.get("paddock.end")
                if end not in ("closed", "failed"):
                    self._messages.end(BodyBroken("the client hung up without a Close frame"))
                    return
                kind = Close if end == "closed" else Failure
                await self._messages.put(encode(kind(message["code"], message["reason"])))
                self._messages.end(None)

    async def discard_request(self) -> None:
        """Nothing to do: a client that was not let in says nothing."""

    async def respond(self, status: int, headers: Headers, body: bytes | ByteSource | None) -> None:
        """Let the client in and send it the worker's messages, or send the response that refuses it."""
        try:
            if status == _SWITCHING_PROTOCOLS and _is_source(body):
                await self._accept(headers)
                await self._relay(body)
            else:
                await self._refuse(status, headers, body)
        finally:
            self._messages.end(BodyBroken("the connection was closed"))
            if _is_source(body):
                await body.cancel(None)

    async def _accept(self, headers: Headers) -> None:
        chosen = next((value for name, value in headers if name.lower() == _PROTOCOL), None)
        offered = self._scope.get("subprotocols", [])
        if chosen is not None and chosen not in offered:
            raise SubprotocolRefused(chosen, offered)
        raw = [(encoded(n.lower()), encoded(v)) for n, v in headers if n.lower() not in _HANDSHAKE]
        self.status = _SWITCHING_PROTOCOLS
        await self._send({"type": "websocket.accept", "subprotocol": chosen, "headers": raw})

    async def _relay(self, source: ByteSource) -> None:
        buffer = MessageBuffer()
        try:
            while (piece := await source.pull()) is not None:
                for message in buffer.feed(piece):
                    match message:
                        case str():
                            await self._send({"type": "websocket.send", "text": message})
                        case bytes():
                            await self._send({"type": "websocket.send", "bytes": message})
                        case Close(code, reason) | Failure(code, reason):
                            await self._close(code, reason)
                            return
        except OSError:
            await self._send({"type": "websocket.close", "code": _INTERNAL_ERROR})
            raise
        await self._close(_INTERNAL_ERROR, "")  # the worker let go of it without a word

    async def _close(self, code: int, reason: str) -> None:
        """Send a Close frame, and give the client time to answer it: the worker waits for the answer's code."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._closed.wait()

    async def _refuse(self, status: int, headers: Headers, body: bytes | ByteSource | None) -> None:
        self.status = status
        if "websocket.http.response" not in (self._scope.get("extensions") or {}):
            self.status = 403  # what a server makes of a connection that is closed before it is open
            await self._send({"type": "websocket.close"})
            return
        raw = [(encoded(n.lower()), encoded(v)) for n, v in headers if n.lower() not in FRAMING]
        if body is None or isinstance(body, bytes):
            raw.append((b"content-length", b"%d" % len(body or b"")))
        piece = body if body is None or isinstance(body, bytes) else await body.pull()
        await self._send({"type": "websocket.http.response.start", "status": status, "headers": raw})
        while piece is not None and _is_source(body):
            await self._send({"type": "websocket.http.response.body", "body": piece, "more_body": True})
            piece = await body.pull()
        await self._send({"type": "websocket.http.response.body", "body": piece or b""})


def _is_source(body: bytes | ByteSource | None) -> TypeGuard[ByteSource]:
    return body is not None and not isinstance(body, bytes)
