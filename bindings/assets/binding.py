"""Static assets: `[assets]` in the configuration, `env.ASSETS.fetch(...)` in the handler, and the paths of files.

A small app behind `fetch`, as every binding; `route` says in addition which requests of clients it answers before the
worker. Source: developer docs, "Static Assets"; workers-shared, asset-worker and router-worker.
"""

from __future__ import annotations

import asyncio
from typing import IO, TYPE_CHECKING, ClassVar, Final, Self
from urllib.parse import urljoin, urlsplit

from paddock.bindings.assets import headers as header_rules
from paddock.bindings.assets import redirects
from paddock.bindings.assets.folder import AssetFolder, FileBody
from paddock.bindings.assets.html import Found, Moved, resolve
from paddock.bindings.assets.media_types import media_type
from paddock.bindings.assets.paths import decoded, encoded, normalized
from paddock.bindings.assets.rules import Rules
from paddock.bindings.assets.settings import AssetsSettings
from paddock.bindings.binding import FetchRequest, FetchResponse

if TYPE_CHECKING:
    from paddock.bindings.assets.folder import Asset
    from paddock.bindings.assets.settings import NotFoundHandling
    from paddock.bindings.binding import BindingContext, Headers

__all__ = ["AssetsBinding"]

#: Files up to this size are read whole.
_WHOLE_BYTES: Final = 256 * 1024
_MAX_REDIRECTS: Final = 20
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_PHRASES: Final = {404: "Not Found", 405: "Method Not Allowed", 304: "Not Modified"}


class AssetsBinding:
    """The assets of one worker."""

    kind: ClassVar[str] = "assets"

    def __init__(self, settings: AssetsSettings) -> None:
        self._settings = settings
        self._folder = AssetFolder(settings.directory)
        self._rules = Rules(self._folder, settings.html_handling)

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The folder that `context.settings` names."""
        assert isinstance(context.settings, AssetsSettings), "the configuration's reader makes these"
        return cls(context.settings)

    async def close(self) -> None:
        """It holds nothing between two requests."""

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Answer one request: 404 without a file, 405 for other methods than GET and HEAD where there is one."""
        response = await self._answer(request)
        for _ in range(_MAX_REDIRECTS if request.redirect == "follow" else 0):
            target = dict(response.headers).get("location")
            if response.status not in _REDIRECTS or target is None:
                break
            # Whatever host it names, the request goes to the same place again, as a fetcher's requests do.
            method = _redirected(request.method, response.status)
            request = FetchRequest(method, urljoin(request.url, target), request.headers)
            followed = await self._answer(request)
            response = FetchResponse(
                followed.status, followed.headers, followed.body, followed.status_text, request.url
            )
        return response

    async def route(self, request: FetchRequest) -> FetchResponse | None:
        """The answer to a client's request that is not the worker's; None for one that is."""
        settings, path = self._settings, normalized(urlsplit(request.url).path)
        if settings.routing is not None and settings.routing.goes_to_assets(path):
            return await self._answer(request)
        if settings.run_worker_first or (settings.routing is not None and settings.routing.goes_to_worker(path)):
            return None
        is_navigation = settings.navigation_prefers_assets and request.header("sec-fetch-mode") == "navigate"
        not_found = settings.not_found_handling if settings.routing is not None or is_navigation else "none"
        return await asyncio.to_thread(self._look_up, request, not_found)

    async def _answer(self, request: FetchRequest) -> FetchResponse:
        return await asyncio.to_thread(self._look_up_or_404, request)

    def _look_up_or_404(self, request: FetchRequest) -> FetchResponse:
        found = self._look_up(request, self._settings.not_found_handling)
        return found or self._with_headers(request, _empty(404))

    def _look_up(self, request: FetchRequest, not_found: NotFoundHandling) -> FetchResponse | None:
        """The answer, None when no file has to do with the path. Blocks."""
        url = urlsplit(request.url)
        path, is_proxied = normalized(url.path), False
        redirect = self._rules.redirects.match(url.hostname or "", path)
        if redirect is not None and redirect.status != 200:
            to = redirects.location(redirect.to, request.url)
            return self._with_headers(request, _empty(redirect.status, ("location", to)))
        if redirect is not None:
            path, is_proxied = normalized(urlsplit(redirect.to).path), True
        plain = decoded(path)
        found = resolve(plain, self._folder.find, self._settings.html_handling, not_found)
        if found is None:
            return self._with_headers(request, _empty(404)) if is_proxied else None
        if request.method not in ("GET", "HEAD"):
            return self._with_headers(request, _empty(405))
        place = encoded(found.path if isinstance(found, Moved) else plain)
        if isinstance(found, Moved) or place != path:
            query = f"?{url.query}" if url.query else ""
            return self._with_headers(request, _empty(307, ("location", place + query)))
        return self._serve(request, found)

    def _serve(self, request: FetchRequest, found: Found) -> FetchResponse:
        asset = found.asset
        tag = f'"{asset.tag}"'
        headers: list[tuple[str, str]] = [("etag", tag), ("cf-cache-status", "HIT")]
        if kind := media_type(asset.path):
            headers.append(("content-type", kind))
        if request.header("authorization") is None and request.header("range") is None:
            headers.append(("cache-control", "public, max-age=0, must-revalidate"))
        if request.header("if-none-match") in (tag, f"W/{tag}"):
            return self._with_headers(request, FetchResponse(304, tuple(headers), None, _PHRASES[304]))
        headers.append(("content-length", str(asset.size_bytes)))
        try:
            body = None if request.method == "HEAD" else _content(asset)
        except OSError:  # gone since it was found, or not ours to read
            return self._with_headers(request, _empty(404))
        response = FetchResponse(found.status, tuple(headers), body, _PHRASES.get(found.status, "OK"))
        return self._with_headers(request, response)

    def _with_headers(self, request: FetchRequest, response: FetchResponse) -> FetchResponse:
        """The response with what `_headers` says of the request's path."""
        rules = self._rules.headers
        if not rules:
            return response
        url = urlsplit(request.url)
        changed = header_rules.applied(rules, url.hostname or "", normalized(url.path), response.headers)
        return FetchResponse(response.status, changed, response.body, response.status_text)


def _content(asset: Asset) -> bytes | FileBody:
    """A small file whole, a large one open."""
    file: IO[bytes] = open(asset.path, "rb", buffering=0)  # noqa: SIM115 - the body closes it
    if asset.size_bytes > _WHOLE_BYTES:
        return FileBody(file)
    with file:
        return file.read(_WHOLE_BYTES)


def _empty(status: int, *headers: tuple[str, str]) -> FetchResponse:
    fields: Headers = headers
    return FetchResponse(status, fields, None, _PHRASES.get(status, ""))


def _redirected(method: str, status: int) -> str:
    """The method of the request that follows a redirect. Source: Fetch standard, HTTP-redirect fetch."""
    if status == 303 and method != "HEAD":
        return "GET"
    return "GET" if status in (301, 302) and method == "POST" else method
