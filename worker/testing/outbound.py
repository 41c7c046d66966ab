"""The outside world in tests: closed, but for the routes that a test answers itself and the hosts that it opens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import httpx

from paddock.worker.errors import NetworkError
from paddock.worker.outbound import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paddock.worker.peer import IncomingFetch
    from paddock.worker.testing.timeline import Timeline

__all__ = ["OutboundRoute", "OutboundRoutes", "TestedOutbound"]

_NO_PATH: Final = re.compile(r"\w+://[^/?*]+")


class OutboundRoute:
    """Answers the requests that it matches: any number of them, or as many as `times` says."""

    def __init__(self, method: str, url: str | re.Pattern[str], times: int | None) -> None:
        self._method = method.upper()
        self._url = url
        self._times = times
        if isinstance(url, str) and _NO_PATH.fullmatch(url):
            url += "/"  # as every request has it
        self._pattern = url if isinstance(url, re.Pattern) else re.compile(re.escape(url).replace(r"\*", ".*"))
        self._has_query = isinstance(url, re.Pattern) or "?" in url
        self._answer: Callable[[httpx.Request], httpx.Response] | None = None
        #: What it has answered, in order.
        self.requests: list[httpx.Request] = []

    def reply(self, status: int = 200, **arguments: Any) -> OutboundRoute:
        """Answer with a response of httpx's: `json`, `text`, `html`, `content`, `headers`."""
        return self.call(lambda request: httpx.Response(status, **arguments))

    def call(self, function: Callable[[httpx.Request], httpx.Response]) -> OutboundRoute:
        """Answer with what the function makes of the request."""
        self._answer = function
        return self

    def fail(self, reason: str = "Connection refused") -> OutboundRoute:
        """Fail as a network does."""

        def broken(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError(reason, request=request)

        return self.call(broken)

    def matches(self, request: httpx.Request) -> bool:
        """Whether it has an answer for this request. A URL without a query stands for those with any."""
        url = str(request.url if self._has_query else request.url.copy_with(query=None)).rstrip("?")
        is_left = self._answer is not None and (self._times is None or len(self.requests) < self._times)
        return is_left and self._method in ("*", request.method) and self._pattern.fullmatch(url) is not None

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Its answer to a request that it matches."""
        assert self._answer is not None
        self.requests.append(request)
        return self._answer(request)

    @property
    def is_spent(self) -> bool:
        """Whether it has answered what it was made for."""
        return len(self.requests) >= (1 if self._times is None else self._times)

    @property
    def account(self) -> str:
        """What it has done, for a test that did not get from it what it was made for."""
        if self._answer is None:
            return f"{self} has no answer: say .reply(...), .call(...) or .fail(...) of it"
        return f"{self} answered {len(self.requests)} requests"

    def __repr__(self) -> str:
        url = self._url.pattern if isinstance(self._url, re.Pattern) else self._url
        return f"outbound.on({self._method!r}, {url!r})"


class OutboundRoutes:
    """The fixture `outbound`: how requests of the handler to the outside world are answered, and what they were."""

    def __init__(self, allowed: Iterable[str] = (), transport: httpx.MockTransport | None = None) -> None:
        #: Every request so far, in order, those that were refused included.
        self.requests: list[httpx.Request] = []
        #: Answers what no route does.
        self.transport = transport
        self._allowed = set(allowed)
        self._routes: list[OutboundRoute] = []
        self._problems: list[str] = []

    def on(self, method: str, url: str | re.Pattern[str], times: int | None = None) -> OutboundRoute:
        """A route for a method (`*` for any) and a URL, in which `*` stands for any characters; say then what it does:
        `.reply`, `.call` or `.fail`. The first that matches answers.
        """
        route = OutboundRoute(method, url, times)
        self._routes.append(route)
        return route

    def get(self, url: str | re.Pattern[str], times: int | None = None) -> OutboundRoute:
        """A route for GET."""
        return self.on("GET", url, times)

    def post(self, url: str | re.Pattern[str], times: int | None = None) -> OutboundRoute:
        """A route for POST."""
        return self.on("POST", url, times)

    def put(self, url: str | re.Pattern[str], times: int | None = None) -> OutboundRoute:
        """A route for PUT."""
        return self.on("PUT", url, times)

    def delete(self, url: str | re.Pattern[str], times: int | None = None) -> OutboundRoute:
        """A route for DELETE."""
        return self.on("DELETE", url, times)

    def allow(self, *hosts: str) -> None:
        """Let requests to these hosts out into the world."""
        self._allowed |= set(hosts)

    # What the worker's requests meet

    def is_allowed(self, url: str) -> bool:
        """Whether requests to this URL leave the test."""
        return httpx.URL(url).host in self._allowed

    async def answer(self, request: httpx.Request) -> httpx.Response | None:
        """The test's answer to a request, None where it goes out. Raises httpx.ConnectError where there is none."""
        self.requests.append(request)
        route = next((route for route in self._routes if route.matches(request)), None)
        if route is None and self.is_allowed(str(request.url)):
            return None
        await _read(request)
        if route is not None:
            return route.answer(request)
        if self.transport is not None:
            return await self.transport.handle_async_request(request)
        raise httpx.ConnectError(self.refusal(request.method, str(request.url)), request=request)

    def refusal(self, method: str, url: str) -> str:
        """What a request is refused with that nobody answers; the test is told at its end."""
        text = (
            f"{method} {url}: tests have no network. Answer it with the fixture outbound "
            f'(outbound.on("{method}", "{url}").reply(...)), or open the host: '
            f"@pytest.mark.paddock(allow_net=[{httpx.URL(url).host!r}])."
        )
        self._problems.append(text)
        return text

    def take_problems(self) -> list[str]:
        """A text for each request that nobody answered, once."""
        problems, self._problems = self._problems, []
        return problems

    def unused(self) -> list[str]:
        """The routes that no request has used."""
        return [route.account for route in self._routes if not route.is_spent]


async def _read(request: httpx.Request) -> None:
    """Have the test see the body. A stream is over then: no redirect can send it again, as on a network."""
    stream = request.stream
    await request.aread()
    request.stream = stream


class TestedOutbound(Outbound):
    """Sends requests to the routes of a test."""

    def __init__(self, routes: OutboundRoutes, timeline: Timeline) -> None:
        super().__init__(_Transport(routes, timeline))
        self._routes = routes

    async def upgrade(self, incoming: IncomingFetch) -> None:
        """As in `Outbound`, for hosts that are open."""
        url = incoming.fetch.url
        if not self._routes.is_allowed(url):
            raise NetworkError(self._routes.refusal("WebSocket", url))
        await super().upgrade(incoming)


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, routes: OutboundRoutes, timeline: Timeline) -> None:
        self._routes = routes
        self._timeline = timeline
        self._network: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with self._timeline.spans("fetch", f"{request.method} {request.url}") as span:
            response = await self._routes.answer(request)
            if response is None:
                self._network = self._network or httpx.AsyncHTTPTransport()
                response = await self._network.handle_async_request(request)
            span.end(str(response.status_code))
        return response

    async def aclose(self) -> None:
        if self._network is not None:
            await self._network.aclose()
