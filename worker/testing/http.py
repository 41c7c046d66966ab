"""Between httpx, which tests speak, and the requests and answers of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx

from paddock.bindings.binding import FetchRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from paddock.worker.channel import ByteSource
    from paddock.worker.peer import Answer
    from paddock.worker.testing.requests import Requests
    from paddock.worker.testing.threads import Pending

__all__ = [
    "BASE_URL",
    "AsyncTransport",
    "BodyStream",
    "Streamed",
    "SyncTransport",
    "fetch_request",
    "plain_response",
    "pulled",
    "request_for",
    "response_of",
]

#: The host of requests that name none.
BASE_URL: Final = "http://worker.test"
_NULL_BODY: Final = frozenset({101, 204, 205, 304})


def request_for(target: str | httpx.Request, method: str | None, arguments: dict[str, Any]) -> httpx.Request:
    """The request that a test asks for: a path, a URL or a request, and what httpx takes besides."""
    if isinstance(target, httpx.Request):
        return target
    url = (
        target
        if target.partition("/")[0].endswith(":")
        else f"{BASE_URL}{'' if target.startswith('/') else '/'}{target}"
    )
    has_body = any(arguments.get(name) is not None for name in ("content", "data", "files", "json"))
    return httpx.Request(method or ("POST" if has_body else "GET"), url, **arguments)


def fetch_request(request: httpx.Request, body: bytes | ByteSource) -> FetchRequest:
    """The request as the worker gets it; the body of one for a WebSocket is what the test says."""
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw)
    has_body = bool(body) or request.headers.get("content-length", "0") != "0"
    return FetchRequest(request.method, str(request.url), headers, body if has_body else None)


def response_of(answer: Answer, request: httpx.Request, stream: Any = None) -> httpx.Response:
    """An answer as httpx has it; `stream` stands for a body that is still to come."""
    has_body = request.method != "HEAD" and answer.status not in _NULL_BODY
    # As on the wire: httpx takes text of ASCII only.
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    extensions = {"reason_phrase": answer.status_text.encode("latin-1", "replace")} if answer.status_text else {}
    if stream is not None and has_body:
        return httpx.Response(answer.status, headers=headers, stream=stream, request=request, extensions=extensions)
    content = answer.body if has_body and isinstance(answer.body, bytes) else b""
    return httpx.Response(answer.status, headers=headers, content=content, request=request, extensions=extensions)


def plain_response(answer: Answer) -> httpx.Response:
    """An answer to no request of httpx."""
    return response_of(answer, httpx.Request("GET", BASE_URL))


async def pulled(source: ByteSource) -> bytes | None:
    """The next piece of a body. Raises httpx.RemoteProtocolError where it broke off, as a client sees it."""
    try:
        return await source.pull()
    except OSError as broken:
        raise httpx.RemoteProtocolError(f"the response broke off: {broken}") from broken


class AsyncTransport(httpx.AsyncBaseTransport):
    """Sends the requests of an httpx.AsyncClient to a worker under test; answers stream."""

    def __init__(self, worker: Requests) -> None:
        self._worker = worker

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._worker.send(request, await request.aread())
        return response_of(answer, request, _streamed(self._worker, answer))


class SyncTransport(httpx.BaseTransport):
    """Sends the requests of an httpx.Client to a worker under test; answers stream."""

    def __init__(self, worker: Requests) -> None:
        self._worker = worker

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._worker.send(request, request.read()).result()
        return response_of(answer, request, _streamed(self._worker, answer))


class Streamed:
    """A response whose body is still to come: `with` gives it in any test, `async with` in coroutines."""

    def __init__(self, worker: Requests, request: httpx.Request) -> None:
        self._worker = worker
        self._request = request
        self._response: httpx.Response | None = None

    def __enter__(self) -> httpx.Response:
        self._response = SyncTransport(self._worker).handle_request(self._request)
        return self._response

    def __exit__(self, *_: object) -> None:
        assert self._response is not None
        self._response.close()

    async def __aenter__(self) -> httpx.Response:
        self._response = await AsyncTransport(self._worker).handle_async_request(self._request)
        return self._response

    async def __aexit__(self, *_: object) -> None:
        assert self._response is not None
        await self._response.aclose()


class BodyStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that is made as it is read."""

    def __init__(self, worker: Requests, source: ByteSource) -> None:
        self._worker = worker
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self._pull().result()) is not None:
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._pull()) is not None:
            yield piece

    def close(self) -> None:
        self._worker.start(self._source.cancel(None)).result()

    async def aclose(self) -> None:
        await self._worker.start(self._source.cancel(None))

    def _pull(self) -> Pending[bytes | None]:
        return self._worker.start(pulled(self._source))


def _streamed(worker: Requests, answer: Answer) -> BodyStream | None:
    return None if answer.body is None or isinstance(answer.body, bytes) else BodyStream(worker, answer.body)
