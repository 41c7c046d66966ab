"""Requests of the AI binding that come over HTTP: from real workerd, from Miniflare, from older wranglers.

Each of them carries the same request to `https://workers-binding.ai`, wrapped in its own way:

    workerd     the request itself; its Host header says where it was meant to go
    PREFIX      the request's path and query behind a path prefix, for whatever cannot choose a Host header
    Miniflare   the original URL in MF-URL, each original header as MF-Header-<name>
    wrangler    3.20 and later, before remote bindings: the original URL in X-Forwarded

Source: Miniflare, remote bindings; wrangler, AI fetcher; WA-093, WA-110, WA-111. Nothing here is ever fetched: an
original URL is taken apart, its host has to be the binding's, and only its path and query go on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from paddock.bindings.ai.doors import wire
from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import IncompleteRequest, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from paddock.bindings.binding import Headers

__all__ = ["HOST", "PREFIX", "Relay", "unwrap"]

#: The host of every URL that the binding writes.
HOST: Final = "workers-binding.ai"
_HOST_BYTES: Final = HOST.encode()
PREFIX: Final = "/cdn-cgi/local/ai/binding"
_PROXY: Final = re.compile(r"/client/v4/accounts/[^/]+/ai/run/proxy")
_MINIFLARE_HEADER: Final = "mf-header-"
#: Of the relaying connection, not of the binding's request.
_CARRIERS: Final = frozenset({"x-forwarded", "host", "content-length", "transfer-encoding", "connection"})


class Relay:
    """An ASGI app: hands requests of the binding, whichever way they came, to `app`.

    Upgrades to WebSocket are answered here: with the reason why there is none, as an ordinary response (WA-109).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    @staticmethod
    def takes(scope: Scope) -> bool:
        """Whether a request is the binding's."""
        return _is_relayed(scope["path"], dict(scope["headers"]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, send)
            return
        from starlette.responses import Response  # for few, and every start would wait

        refused = wire.refuse_upgrade()
        await Response(refused.body, refused.status, dict(refused.headers))(scope, receive, send)


def unwrap(request: FetchRequest) -> FetchRequest:
    """The binding's own request. Raises IncompleteRequest where a header is missing, InputError for another host."""
    url = urlsplit(request.url)
    if url.hostname == HOST:
        return request
    if _PROXY.fullmatch(url.path):
        target = _required(request, "x-forwarded")
        headers = tuple(pair for pair in request.headers if pair[0].lower() not in _CARRIERS)
        return _readdressed(request, target, headers)
    if request.header("mf-url") is not None or url.path in ("/", PREFIX, PREFIX + "/"):
        _required(request, "mf-binding")
        return _readdressed(request, _required(request, "mf-url"), _original_headers(request))
    path = url.path.removeprefix(PREFIX) + ("?" + url.query if url.query else "")
    return _readdressed(request, f"https://{HOST}{path}", request.headers)


def _is_relayed(path: str, headers: Mapping[bytes, bytes]) -> bool:
    if headers.get(b"host", b"").partition(b":")[0].lower() == _HOST_BYTES:
        return True
    if path == "/":  # Miniflare's URL without a path; without its two headers the request is the worker's own
        return b"mf-binding" in headers and b"mf-url" in headers
    return path == PREFIX or path.startswith(PREFIX + "/") or _PROXY.fullmatch(path) is not None


def _original_headers(request: FetchRequest) -> Headers:
    """The headers that Miniflare renamed; `upgrade` is the one that it does not."""
    return tuple(
        (name.lower().removeprefix(_MINIFLARE_HEADER), value)
        for name, value in request.headers
        if name.lower() == "upgrade" or name.lower().startswith(_MINIFLARE_HEADER)
    )


def _required(request: FetchRequest, name: str) -> str:
    value = request.header(name)
    if not value:
        raise IncompleteRequest(f"Request is missing headers or body: {name}")
    return value


def _readdressed(request: FetchRequest, target: str, headers: Headers) -> FetchRequest:
    """The same request as the binding wrote it. Method and body are the original ones with every carrier."""
    try:
        url = urlsplit(target)
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if host != HOST or port is not None or url.scheme not in ("http", "https"):
        sender = request.header("mf-binding") or "AI"
        raise InputError(
            f"Error: binding {sender}: expected a request to https://{HOST}; got {target[:200]!r}. "
            "Paddock answers the AI binding here and passes nothing on"
        )
    return FetchRequest(request.method, target, headers, request.body, request.calls)
