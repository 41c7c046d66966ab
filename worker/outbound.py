"""Outbound fetch: requests of a handler to the outside world, on httpx, and WebSockets.

Source: Fetch standard as workerd keeps it; PW-096 to PW-103. Redirects are followed here, bodies are decompressed and
streamed. A network failure is an `Error` in the handler.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Final

from paddock.bindings.binding import FetchResponse
from paddock.worker.channel import BodyBroken
from paddock.worker.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from httpx import AsyncBaseTransport, AsyncClient, Response

    from paddock.bindings.binding import FetchRequest
    from paddock.worker.peer import IncomingFetch

__all__ = ["Outbound"]

_CONNECT_TIMEOUT_S: Final = 30.0
_KEPT_CONNECTIONS: Final = 20
#: Source: Fetch standard, HTTP-redirect fetch; workerd, api/http.
_MAX_REDIRECTS: Final = 20
_TOO_MANY: Final = "Too many redirects."
#: Set by the connection, not by the caller; and those whose bodies httpx has already decoded.
_HOP_HEADERS: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade", "host", "content-length"})
_DECODED_HEADERS: Final = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


class Outbound:
    """One HTTP client for all isolates. Opened on first use, because httpx takes a moment to import.

    `transport` answers in place of the network.
    """

    def __init__(self, transport: AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._client: AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def fetch(self, request: FetchRequest, redirect: str, count: Callable[[], str] = str) -> FetchResponse:
        """Send a request. The response's body streams; cancelling it closes the connection. Raises NetworkError.

        `count` is called before a redirect is followed, which is a subrequest, too; with its text the fetch fails.
        """
        client = await self._open()
        httpx = importlib.import_module("httpx")
        headers = [(n.encode(), v.encode()) for n, v in request.headers if n.lower() not in _HOP_HEADERS]
        content = request.body if request.body is None or isinstance(request.body, bytes) else _pieces(request)
        try:
            sent = client.build_request(request.method, request.url, headers=headers, content=content)
            response = await client.send(sent, stream=True)
            redirects = 0
            while redirect == "follow" and (following := response.next_request) is not None:
                await response.aclose()
                redirects += 1
                if refusal := _TOO_MANY if redirects > _MAX_REDIRECTS else count():
                    raise NetworkError(refusal)
                response = await client.send(following, stream=True)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ValueError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise NetworkError(f"fetch {request.method} {request.url} failed: {reason}") from error
        raw = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
        kept = tuple((name, value) for name, value in raw if name.lower() not in _DECODED_HEADERS)
        return FetchResponse(
            response.status_code,
            kept,
            _ReceivedBody(response),
            status_text=response.reason_phrase,
            url=str(response.url) if redirects else "",
        )

    async def upgrade(self, incoming: IncomingFetch) -> None:
        """Answer a request for a WebSocket, as `answer_upgrade` does."""
        from paddock.worker.outsocket import answer_upgrade  # few need it, and wsproto takes a moment to import

        await answer_upgrade(incoming)

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()

    async def _open(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                library = await asyncio.to_thread(importlib.import_module, "httpx")
                cookies = importlib.import_module("http.cookiejar")  # which httpx has loaded
                timeout = library.Timeout(None, connect=_CONNECT_TIMEOUT_S)
                self._client = library.AsyncClient(
                    timeout=timeout,
                    transport=self._transport,
                    limits=library.Limits(max_connections=None, max_keepalive_connections=_KEPT_CONNECTIONS),
                    headers={"user-agent": "Paddock"},
                    # A worker's fetch keeps no cookies: those of one visitor are not the next one's.
                    cookies=cookies.CookieJar(cookies.DefaultCookiePolicy(allowed_domains=())),
                )
            return self._client


async def _pieces(request: FetchRequest) -> AsyncGenerator[bytes, None]:
    assert request.body is not None
    assert not isinstance(request.body, bytes)
    try:
        while (piece := await request.body.pull()) is not None:
            yield piece
    finally:
        await request.body.cancel(None)


class _ReceivedBody:
    """A response's body as a ByteSource. Not a generator: one that was never started would not close the response."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._pieces: AsyncIterator[bytes] = response.aiter_bytes()

    async def pull(self) -> bytes | None:
        httpx = importlib.import_module("httpx")
        try:
            async for piece in self._pieces:
                if piece:
                    return piece
        except httpx.HTTPError as error:
            raise BodyBroken(f"fetch {self._response.url}: {error or type(error).__name__}") from error
        return None

    async def cancel(self, reason: object) -> None:
        await self._response.aclose()
