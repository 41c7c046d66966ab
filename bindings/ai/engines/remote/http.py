"""The HTTP client of one remote engine: a pool of connections to its servers, without proxies of the environment."""

from __future__ import annotations

import asyncio
import importlib
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from paddock.bindings.ai.engines.remote.refusals import ServerLost

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from httpx import AsyncClient, Response

__all__ = ["Http", "Reply", "Upload"]

_CONNECT_TIMEOUT_S: Final = 5.0
#: vLLM's server (uvicorn) closes an idle connection after 5 s: VLLM_HTTP_TIMEOUT_KEEP_ALIVE. Ours go before.
_KEEP_ALIVE_S: Final = 4.0
#: For questions about health and counts, beside the requests.
_SPARE_CONNECTIONS: Final = 64
#: What is read of an error's body.
_ERROR_BYTES: Final = 64 * 1024
#: A machine that vanishes without a word ends its streams after about a minute: the kernel asks when nothing comes.
_KEEPALIVE_OPTIONS: Final = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    content: bytes


class Upload(NamedTuple):
    """A form with a file, in place of JSON."""

    fields: dict[str, str]
    file: bytes


class Http:
    """Requests to servers. Opened on first use, because httpx takes a moment to import.

    Everything that can go wrong on the way raises ServerLost. `key` is sent as bearer token. `is_secure`: some of the
    servers are reached by https.
    """

    def __init__(self, key: str | None, max_open_requests: int, *, is_secure: bool = True) -> None:
        self._key = key
        self._is_secure = is_secure
        self._max_open_requests = max_open_requests
        self._client: AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def ask(self, method: str, url: str, *, timeout_s: float, content: bytes | None = None) -> Reply:
        """One request, answered as a whole in this time. Raises ServerLost."""
        try:
            async with asyncio.timeout(timeout_s), self.stream(method, url, content) as response:
                pieces = [piece async for piece in self.pieces(response)]
                return Reply(response.status_code, b"".join(pieces))
        except TimeoutError:
            raise ServerLost(f"no answer to {method} {url} within {timeout_s:g} s") from None

    @asynccontextmanager
    async def stream(self, method: str, url: str, content: bytes | Upload | None) -> AsyncIterator[Response]:
        """The head of an answer. Leaving the block before the body's end closes the connection. Raises ServerLost."""
        client = await self._open()
        httpx = importlib.import_module("httpx")
        try:
            response = await client.send(client.build_request(method, url, **_sent(content)), stream=True)
        except (httpx.RequestError, httpx.InvalidURL, RuntimeError) as error:  # RuntimeError: the client is closed
            raise ServerLost(_cause(error)) from error
        try:
            yield response
        finally:
            await response.aclose()

    async def pieces(self, response: Response) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises ServerLost."""
        httpx = importlib.import_module("httpx")
        try:
            async for piece in response.aiter_raw():
                yield piece
        except (httpx.RequestError, httpx.StreamError) as error:
            raise ServerLost(_cause(error)) from error

    async def beginning(self, response: Response) -> bytes:
        """The body of an error, or as much of it as is worth reading. Raises ServerLost."""
        read = b""
        async for piece in self.pieces(response):
            read += piece
            if len(read) > _ERROR_BYTES:
                break
        return read

    async def close(self) -> None:
        """Close every connection; open streams raise ServerLost. A later request opens a new client."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _open(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                library = await asyncio.to_thread(importlib.import_module, "httpx")
                headers = {"user-agent": "Paddock", "accept-encoding": "identity"}
                if self._key is not None:
                    headers["authorization"] = f"Bearer {self._key}"
                self._client = library.AsyncClient(
                    # How long an answer may take is the business of the one who waits for it.
                    timeout=library.Timeout(None, connect=_CONNECT_TIMEOUT_S),
                    transport=library.AsyncHTTPTransport(
                        # The machine's certificates, which know a company's own; reading them takes 30 ms.
                        verify=ssl.create_default_context() if self._is_secure else False,
                        limits=library.Limits(
                            max_connections=self._max_open_requests + _SPARE_CONNECTIONS,
                            # httpcore holds this against all connections, and would close each one after its stream.
                            max_keepalive_connections=None,
                            keepalive_expiry=_KEEP_ALIVE_S,
                        ),
                        socket_options=_socket_options(),
                    ),
                    trust_env=False,
                    follow_redirects=False,
                    headers=headers,
                )
            return self._client


def _sent(content: bytes | Upload | None) -> dict[str, Any]:
    """As httpx takes it."""
    match content:
        case None:
            return {}
        case Upload(fields, file):
            return {"data": fields, "files": {"file": ("recording", file)}}
    return {"content": content, "headers": {"content-type": "application/json"}}


def _socket_options() -> list[tuple[int, int, int]]:
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    names = ((getattr(socket, name, None), value) for name, value in _KEEPALIVE_OPTIONS)
    return options + [(socket.IPPROTO_TCP, name, value) for name, value in names if name is not None]


def _cause(error: Any) -> str:
    """A network failure in words: httpx leaves some of them without a text."""
    return str(error) or type(error).__name__
