"""Service bindings that lead to other workers of the session: a fetch of one isolate becomes an event of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import PaddockError
from paddock.worker import wire
from paddock.worker.peer import PeerFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from paddock.bindings.assets.binding import AssetsBinding
    from paddock.bindings.binding import CallRecord
    from paddock.worker.channel import ByteSource
    from paddock.worker.peer import Answer, IncomingFetch

__all__ = ["NO_NEIGHBOURS", "Neighbours", "Route", "Taker"]


class Taker(Protocol):
    """An isolate that takes events."""

    async def fetch(self, fetch: wire.Fetch, body: bytes | ByteSource | None, calls: list[CallRecord], /) -> Answer: ...


class Route(NamedTuple):
    """Where a service binding leads. Assets, where there are some, answer fetches of the default entrypoint first."""

    worker: str
    isolate: Callable[[], Awaitable[Taker]]
    assets: AssetsBinding | None
    entrypoint: str | None
    props: str


class Neighbours:
    """The service bindings of one worker to others, by their names in `env`."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = routes

    def __contains__(self, target: str) -> bool:
        return target in self._routes

    async def answer(self, incoming: IncomingFetch, calls: list[CallRecord]) -> None:
        """Reply with what the other worker answers, or fault with what its handler raised or what ended it."""
        fetch, route = incoming.fetch, self._routes[incoming.fetch.target]
        if fetch.verb == wire.FETCH and route.entrypoint is None and route.assets is not None:
            asked = FetchRequest(fetch.method, fetch.url, fetch.headers, incoming.body, calls)
            if (asset := await route.assets.route(asked)) is not None:
                if incoming.body is not None and not isinstance(incoming.body, bytes):
                    await incoming.body.cancel(None)
                incoming.reply(asset.status, asset.status_text, asset.headers, asset.body)
                return
        event = wire.Fetch(
            wire.FetchId(0), fetch.verb, fetch.method, fetch.url, fetch.headers, None,
            is_upgrade=fetch.is_upgrade, entrypoint=route.entrypoint or wire.DEFAULT, props=route.props,
            depth=fetch.depth,
        )  # fmt: skip
        try:
            isolate = await route.isolate()
            answer = await isolate.fetch(event, incoming.body, calls)
        except PeerFault as fault:
            incoming.fault(fault.name, fault.message)
        except PaddockError as error:
            incoming.fault("Error", f'The worker "{route.worker}" could not answer: {error}')
        else:
            incoming.reply(answer.status, answer.status_text, answer.headers, answer.body, answer.url)


#: Of a worker that runs alone.
NO_NEIGHBOURS: Final = Neighbours({})
