"""Other workers of the session, as an isolate reaches them: its fetch becomes an event of one of their isolates.

Two ways lead there: a service binding, to whichever isolate of its worker serves, and a function that came in a value
of RPC, to the isolate that it lives in.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

import msgspec

from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import PaddockError
from paddock.worker import wire
from paddock.worker.channel import whole
from paddock.worker.errors import IsolateError
from paddock.worker.peer import PeerFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from paddock.bindings.assets.binding import AssetsBinding
    from paddock.bindings.binding import CallRecord
    from paddock.worker.channel import ByteSource
    from paddock.worker.config.loading import Config
    from paddock.worker.peer import Answer, IncomingFetch, Parts

__all__ = ["NO_NEIGHBOURS", "Isolates", "Neighbours", "Reach", "Route", "Taker", "routes_of"]


class Taker(Protocol):
    """An isolate that takes events."""

    async def fetch(
        self, fetch: wire.Fetch, body: bytes | ByteSource | None, calls: list[CallRecord], parts: Parts = (), /
    ) -> Answer: ...


class Isolates:
    """The isolates of a session by their numbers, for as long as they live."""

    def __init__(self) -> None:
        self._takers: WeakValueDictionary[int, Taker] = WeakValueDictionary()
        self._numbers = itertools.count(1)

    def enter(self, taker: Taker) -> int:
        """The number of a new one."""
        number = next(self._numbers)
        self._takers[number] = taker
        return number

    def find(self, number: str) -> Taker:
        """The isolate of a number. Raises IsolateError when it is gone."""
        taker = self._takers.get(int(number))
        if taker is None:
            raise IsolateError("The process that this function lived in has ended.")
        return taker


class Route(NamedTuple):
    """Where a service binding leads. Assets, where there are some, answer fetches of the default entrypoint first."""

    worker: str
    isolate: Callable[[], Awaitable[Taker]]
    assets: Callable[[], AssetsBinding | None]
    entrypoint: str | None
    props: str


class Reach(NamedTuple):
    """How a worker of the session is reached."""

    isolate: Callable[[], Awaitable[Taker]]
    assets: Callable[[], AssetsBinding | None]


def routes_of(config: Config, session: Mapping[str, Reach]) -> dict[str, Route]:
    """Where the service bindings of a worker lead, among the others of its session."""
    routes = {}
    for service in config.services:
        reach = session.get(service.service)
        if reach is not None and service.service != config.name:
            props = msgspec.json.encode(service.props).decode()
            routes[service.binding] = Route(service.service, *reach, service.entrypoint, props)
    return routes


class Neighbours:
    """What one worker reaches: its service bindings to others, by their names in `env`, and functions."""

    def __init__(self, routes: Mapping[str, Route], isolates: Isolates) -> None:
        self._routes = routes
        self._isolates = isolates

    def __contains__(self, target: str) -> bool:
        return target in self._routes

    def enter(self, taker: Taker) -> int:
        """The number of a new isolate of this worker."""
        return self._isolates.enter(taker)

    async def answer(self, incoming: IncomingFetch, calls: list[CallRecord]) -> None:
        """Reply with what the other isolate answers, or fault with what its handler raised or what ended it."""
        fetch = incoming.fetch
        try:
            if fetch.verb == wire.STUB:
                answer = await self._isolates.find(fetch.target).fetch(
                    _event(fetch), incoming.body, calls, incoming.parts
                )
            elif await _answer_from_assets(incoming, self._routes[fetch.target], calls):
                return
            else:
                route = self._routes[fetch.target]
                event = _event(fetch, entrypoint=route.entrypoint or wire.DEFAULT, props=route.props)
                # Of an event that is no fetch, tail workers are told what it was: that is in its arguments.
                body = incoming.body if fetch.verb in (wire.FETCH, wire.CALL) else await whole(incoming.body)
                answer = await (await route.isolate()).fetch(event, body, calls, incoming.parts)
        except PeerFault as fault:
            incoming.fault(fault.name, fault.message)
        except PaddockError as error:
            who = "function" if fetch.verb == wire.STUB else f'worker "{self._routes[fetch.target].worker}"'
            incoming.fault("Error", f"The {who} could not answer: {error}")
        else:
            incoming.reply(answer.status, answer.status_text, answer.headers, answer.body, answer.url, answer.parts)


#: Of a worker that runs alone.
NO_NEIGHBOURS: Final = Neighbours({}, Isolates())


def _event(fetch: wire.Fetch, *, entrypoint: str = wire.DEFAULT, props: str = "{}") -> wire.Fetch:
    return wire.Fetch(
        wire.FetchId(0), fetch.verb, fetch.method, fetch.url, fetch.headers, None,
        is_upgrade=fetch.is_upgrade, entrypoint=entrypoint, props=props, depth=fetch.depth,
    )  # fmt: skip


async def _answer_from_assets(incoming: IncomingFetch, route: Route, calls: list[CallRecord]) -> bool:
    """Reply with a file, if there is one that the request asks for."""
    fetch = incoming.fetch
    assets = route.assets()
    if fetch.verb != wire.FETCH or route.entrypoint is not None or assets is None:
        return False
    asset = await assets.route(FetchRequest(fetch.method, fetch.url, fetch.headers, incoming.body, calls))
    if asset is None:
        return False
    if incoming.body is not None and not isinstance(incoming.body, bytes):
        await incoming.body.cancel(None)
    incoming.reply(asset.status, asset.status_text, asset.headers, asset.body)
    return True
