"""HTTP as the server speaks it: ASGI messages on one side, requests and responses with streamed bodies on the other."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import InputError, RequestTooLarge
from paddock.worker.channel import BodyBroken
from paddock.worker.errors import UrlTooLong
from paddock.worker.wire import INLINE_BODY_BYTES

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from paddock.worker.channel import ByteSource
    from paddock.worker.wire import Headers

__all__ = [
    "FRAMING",
    "MAX_HEADER_BYTES",
    "MAX_URL_BYTES",
    "ClientGone",
    "Exchange",
    "encoded",
    "request_headers",
    "request_url",
    "text_headers",
]

#: Of a request. Source: developer docs, Workers limits. More headers are refused before there is a request (431).
MAX_HEADER_BYTES: Final = 128 * 1024
MAX_URL_BYTES: Final = 16 * 1024

#: What belongs to the connection, not to the response: the server frames bodies itself. RFC 9113, 8.2.2.
FRAMING: Final = frozenset(
    {"transfer-encoding", "content-length", "connection", "keep-alive", "proxy-connection", "upgrade"}
)
_HOST_CHARACTERS: Final = re.compile(r"[\w.~%:\[\]-]+", re.ASCII)
#: How long the rest of a request that nobody reads may take, and how long the client may pause in it.
_DISCARD_S: Final = 10.0
_PAUSE_S: Final = 1.0
#: How long the head of a response waits for the first piece of a stream.
_HEAD_WAITS_S: Final = 0.05
_NULL_BODY: Final = frozenset({101, 204, 205, 304})
_HTTP_SCHEMES: Final = {"ws": "http", "wss": "https"}


class ClientGone(ConnectionError):
    """Raised to an app that sends a response to a client that is not there any more."""


class _ReceivedBody:
    """The request's body as a ByteSource. Over the limit, it breaks off."""

    def __init__(self, receive: Receive, limit_bytes: int) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._size = 0
        #: Set when nothing more will be read here: from then on `receive` belongs to the disconnect watcher.
        self.over = asyncio.Event()
        #: Messages that came, those included that nobody read.
        self.received = 0
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
        self.received += 1
        self.is_disconnected = message["type"] == "http.disconnect"
        if self.is_disconnected or not message.get("more_body"):
            self.over.set()
            self.complete.set()


class Exchange:
    """One HTTP request and its response. `respond` may be called once; bodies stream both ways."""

    #: Whether the client asks for a WebSocket.
    is_upgrade = False

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit_bytes: int) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body = _ReceivedBody(receive, limit_bytes)
        self._limit_bytes = limit_bytes
        #: True when the request has a body that is not read before the answer begins.
        self.is_streamed = False
        #: Of the response, once its head is sent.
        self.status = 0

    def header(self, name: str) -> str | None:
        """The first value of one of the request's headers, whose name is given in lower case."""
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self._scope["headers"] if key.lower() == wanted), None)

    @functools.cached_property
    def id(self) -> str:
        """By which log and client name this request."""
        return uuid.uuid4().hex

    @property
    def headers(self) -> Headers:
        """The request's, as they were sent."""
        return request_headers(self._scope)

    @property
    def line(self) -> str:
        """Method and path, for people."""
        path: str = self._scope["raw_path"].decode("latin-1")
        return f"{self._scope.get('method', 'GET')} {path}"

    async def request(self) -> FetchRequest:
        """The request. A small body of known length is read whole; others stream.

        Raises RequestTooLarge early, UrlTooLong, and InputError for a Host header that is none.
        """
        scope = self._scope
        url_bytes = len(scope["raw_path"]) + len(scope["query_string"])
        if url_bytes > MAX_URL_BYTES:
            raise UrlTooLong(url_bytes, MAX_URL_BYTES)
        request = FetchRequest(scope["method"], request_url(scope), request_headers(scope))
        length = request.header("content-length")
        if length is None and not _may_have_body(scope, request):
            self._body.over.set()
        elif length is not None and int(length) <= min(INLINE_BODY_BYTES, self._limit_bytes):
            pieces = []
            while (piece := await self._body.pull()) is not None:
                pieces.append(piece)
            request.body = b"".join(pieces)
        else:
            self.is_streamed = True
            if length is not None and int(length) > self._limit_bytes:
                raise _too_large(self._limit_bytes)
            request.body = self._body
        return request

    @property
    def excess(self) -> RequestTooLarge | None:
        """Set once the request's body is known to be over the limit: then that is the answer, whatever else is."""
        return self._body.excess

    @property
    def is_client_gone(self) -> bool:
        """True once the client is known to have gone away, which need not be at once."""
        return self._body.is_disconnected

    async def disconnected(self) -> None:
        """Return when the client is gone. Waits for the request's body first, because it comes the same way."""
        await self._body.over.wait()
        while not self._body.is_disconnected:
            self._body.note(await self._receive())

    async def discard_request(self) -> None:
        """Let the watcher throw away what the client still sends. With HTTP/1, wait for it: many clients read no
        answer before they have sent everything, and closing the connection under them would lose it.
        """
        self._body.over.set()
        if not self.is_streamed or not _is_http1(self._scope):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_S):
                await self._completed()

    async def _completed(self) -> None:
        """Return when the request is complete, or its client waits for the answer with the rest of it in hand."""
        seen = -1
        while seen != self._body.received and not self._body.complete.is_set():
            seen = self._body.received
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_S):
                    await self._body.complete.wait()

    async def respond(self, status: int, headers: Headers, body: bytes | ByteSource | None) -> None:
        """Send the response. The source is cancelled on every way out; when it breaks off, so does the response."""
        has_body = self._scope["method"] != "HEAD" and status not in _NULL_BODY
        raw = [(encoded(n.lower()), encoded(v)) for n, v in headers if n.lower() not in FRAMING]
        if length := self._length(status, headers, body):
            raw.append((b"content-length", length))
        source = body if body is not None and not isinstance(body, bytes) else None
        try:
            head: Message = {"type": "http.response.start", "status": status, "headers": raw}
            piece = body if isinstance(body, bytes) else None
            if source is not None and has_body:
                piece = await self._begin(head, source)
            else:
                await self._send_head(head)
            if source is None and not self.is_streamed:  # nothing more to come from either side
                self._body.over.set()
                await self._send({"type": "http.response.body", "body": (piece or b"") if has_body else b""})
                return
            while piece is not None and has_body:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await source.pull() if source is not None else None
            # Before the end: after it, the server closes the connection, or waits until what has arrived is taken.
            await self.discard_request()
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            if source is not None:
                await source.cancel(None)

    async def _begin(self, head: Message, source: ByteSource) -> bytes | None:
        """Send the head; returns the first piece, with which it leaves. What fails before that can still have its own
        status, unless it takes long: the client may wait for the head to make the stream go on.
        """
        first = asyncio.get_running_loop().create_task(_pulled(source))
        try:
            await asyncio.wait([first], timeout=_HEAD_WAITS_S)
            if first.done():
                first.result()  # raises, before anything is said
            await self._send_head(head)
            return await first
        finally:
            if not first.done():
                first.cancel()
                await asyncio.wait([first])

    async def _send_head(self, head: Message) -> None:
        self.status = head["status"]
        await self._send(head)

    def _length(self, status: int, headers: Headers, body: bytes | ByteSource | None) -> bytes | None:
        """The response's content length. Only a HEAD may state its own; that of a body is what it is, or unknown."""
        if status in _NULL_BODY:
            return None
        if self._scope["method"] == "HEAD":
            stated = next((value for name, value in headers if name.lower() == "content-length"), "")
            if re.fullmatch("[0-9]+", stated):
                return stated.encode()
            return b"%d" % len(body) if isinstance(body, bytes) else None
        return b"%d" % len(body or b"") if body is None or isinstance(body, bytes) else None


async def _pulled(source: ByteSource) -> bytes | None:
    return await source.pull()


def text_headers(*more: tuple[str, str]) -> Headers:
    """Headers of a plain text that Paddock itself says."""
    return (("content-type", "text/plain; charset=utf-8"), *more)


def _too_large(limit_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(f"Request is too large: a body of at most {limit_bytes} bytes is allowed")


def _may_have_body(scope: Scope, request: FetchRequest) -> bool:
    """True when a request that states no length can have a body: HTTP/2 and later need no header for one."""
    if _is_http1(scope):
        return request.header("transfer-encoding") is not None
    return request.method not in ("GET", "HEAD")


def _is_http1(scope: Scope) -> bool:
    return str(scope["http_version"]).startswith("1")


def encoded(text: str) -> bytes:
    """A header as it is sent: Latin-1, as what came over HTTP was read, or else UTF-8, as on the platform."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def request_headers(scope: Scope) -> Headers:
    """The request's headers as they were sent."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])


def request_url(scope: Scope) -> str:
    """The absolute URL that the client asked for, its path and query as they were sent.

    It is one of HTTP also where a WebSocket is asked for, as in production.
    """
    path = scope["raw_path"].decode("latin-1")
    if not path.startswith("/"):  # the whole address, as a proxy is asked, or the asterisk of OPTIONS
        path = "/" + path.partition("://")[2].partition("/")[2]
    query = scope["query_string"].decode("latin-1")
    scheme = _HTTP_SCHEMES.get(scope["scheme"], scope["scheme"])
    return f"{scheme}://{_host(scope)}{path}{'?' + query if query else ''}"


def _host(scope: Scope) -> str:
    """The Host header, or the address that was connected to."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not host:
        address, port = scope["server"] or ("localhost", None)
        return f"{address}:{port}" if port else str(address)
    if not _is_host(host):
        raise InputError(f"Error: Host header: expected a name or an address; got {host!r}")
    return host


@functools.lru_cache(maxsize=64)  # the same for every request of a client
def _is_host(text: str) -> bool:
    try:
        return _HOST_CHARACTERS.fullmatch(text) is not None and bool(urlsplit(f"//{text}").hostname)
    except ValueError:  # what urlsplit says of a bad IPv6 address
        return False
