"""Outbound fetch: requests of a handler to the outside world, on httpx.

Source: Fetch standard as workerd keeps it; PW-096 to PW-103. Redirects are followed here, bodies are decompressed and
streamed. A network failure is an `Error` in the handler.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Final

from paddock.bindings.binding import FetchResponse, GeneratorSource
from paddock.worker.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from httpx import AsyncClient, Response

    from paddock.bindings.binding import FetchRequest

__all__ = ["Outbound"]

_CONNECT_TIMEOUT_S: Final = 30.0
#: Set by the connection, not by the caller; and those whose bodies httpx has already decoded.
_HOP_HEADERS: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade", "host", "content-length"})
_DECODED_HEADERS: Final = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


class Outbound:
    """One HTTP client for all isolates. Opened on first use, because httpx takes a moment to import."""

    def __init__(self) -> None:
        self._client: AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def fetch(self, request: FetchRequest, redirect: str) -> FetchResponse:
        """Send a request. The response's body streams; cancelling it closes the connection. Raises NetworkError."""
        client = await self._open()
        httpx = importlib.import_module("httpx")
        headers = [(name, value) for name, value in request.headers if name.lower() not in _HOP_HEADERS]
        content = request.body if request.body is None or isinstance(request.body, bytes) else _pieces(request)
        try:
            sent = client.build_request(request.method, request.url, headers=headers, content=content)
            response = await client.send(sent, stream=True, follow_redirects=redirect == "follow")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise NetworkError(f"fetch {request.method} {request.url} failed: {reason}") from error
        kept = tuple((n, v) for n, v in response.headers.multi_items() if n.lower() not in _DECODED_HEADERS)
        return FetchResponse(response.status_code, kept, GeneratorSource(_body(response)))

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()

    async def _open(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                library = await asyncio.to_thread(importlib.import_module, "httpx")
                timeout = library.Timeout(None, connect=_CONNECT_TIMEOUT_S)
                self._client = library.AsyncClient(timeout=timeout, headers={"user-agent": "Paddock"})
            return self._client


async def _pieces(request: FetchRequest) -> AsyncGenerator[bytes, None]:
    assert request.body is not None
    assert not isinstance(request.body, bytes)
    try:
        while (piece := await request.body.pull()) is not None:
            yield piece
    finally:
        await request.body.cancel(None)


async def _body(response: Response) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in response.aiter_bytes():
            yield piece
    finally:
        await response.aclose()
