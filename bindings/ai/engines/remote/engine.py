"""The engine that runs elsewhere: which server answers a call, and what happens when it does not.

```
generate ── choose ── server ── POST, a stream ──> vLLM
              └── another one, when the first is lost or busy before its first chunk; never after it
```
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from paddock.bindings.ai.engines.remote.asking import asking
from paddock.bindings.ai.engines.remote.http import Http
from paddock.bindings.ai.engines.remote.refusals import ServerBusy, ServerLost
from paddock.bindings.ai.engines.remote.routing import affinity_key, choose
from paddock.bindings.ai.engines.remote.server import Server
from paddock.bindings.errors import EngineDead, EngineOverloaded, EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from paddock.bindings.ai.engines.clock import Clock
    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest, EngineState
    from paddock.bindings.ai.engines.remote.settings import RemoteSettings

__all__ = ["RemoteEngine", "RemoteStats"]

logger = logging.getLogger(__name__)


class RemoteStats(NamedTuple):
    """As `EngineStats`. A server's counts include what others than us ask of it; the peak is of our own requests."""

    running: int
    waiting: int
    peak_running: int
    kv_cache_usage: float


class RemoteEngine:
    """One model on other machines. Keeps the contract of `protocol.Engine`: to load is to look at the servers.

    `key` is sent to them as bearer token. Times go by `clock`, the event loop's own unless given.
    """

    def __init__(self, settings: RemoteSettings, key: str | None = None, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._http = Http(
            key, settings.max_open_requests, is_secure=any(url.startswith("https:") for url in settings.urls)
        )
        self._servers: tuple[Server, ...] = ()
        self._loading = asyncio.Lock()
        self._has_failed = False
        self._open = 0
        self._peak = 0
        self._closings = 0
        #: How many times the servers were found: as `Engine.starts`, though nothing is started.
        self.starts = 0

    @property
    def state(self) -> EngineState:
        """The state that the next call meets; `warm` as long as one server is up."""
        if any(server.health.is_up for server in self._servers):
            return "warm"
        if self._loading.locked():
            return "loading"
        return "failed" if self._has_failed or self._servers else "cold"

    @property
    def phase(self) -> str:
        """As `Engine.phase`."""
        return "connect" if self.state == "loading" else ""

    @property
    def pid(self) -> None:
        """There is no process on this machine."""

    @property
    def can_sleep(self) -> bool:
        """False: the servers may have other users."""
        return False

    async def sleep(self) -> None:
        """Does nothing."""

    async def wake(self) -> None:
        """Does nothing."""

    @property
    def context_tokens(self) -> int | None:
        """As `Engine.context_tokens`: the smallest of the servers that are up."""
        known = (server.context_tokens for server in self._servers if server.health.is_up)
        return min(filter(None, known), default=None)

    async def load(self) -> None:
        """Look at the servers, and return when one is up. Raises EngineUnavailable with every address and cause."""
        async with self._loading:
            if not self._servers:
                clock = self._clock or asyncio.get_running_loop()
                self._servers = tuple(Server(url, self._http, self._settings, clock) for url in self._settings.urls)
            if self.state == "warm":
                return
            due = [server for server in self._servers if server.health.is_due]
            await asyncio.gather(*(server.ask() for server in due))
            self._has_failed = not any(server.health.is_up for server in self._servers)
        if self._has_failed:
            raise self._unavailable(self._servers)
        self.starts += 1

    async def generate(self, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
        """As `Engine.generate`."""
        if request.work is not None:
            asking(request.work, self._settings)  # before a server is looked for
        if self._open >= self._settings.max_open_requests:
            raise EngineOverloaded
        self._open += 1
        self._peak = max(self._peak, self._open)
        closings = self._closings
        try:
            if self.state != "warm":
                await self.load()
            async with aclosing(self._answer(request, closings)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self._open -= 1

    async def stats(self) -> RemoteStats:
        """As `Engine.stats`. A server that does not tell counts with what is open there for us."""
        up = [server for server in self._servers if server.health.is_up]
        told = await asyncio.gather(*(server.gauges() for server in up))
        running = sum(server.open if one is None else one.running for server, one in zip(up, told, strict=True))
        known = [one for one in told if one is not None]
        usage = sum(one.kv_cache_usage for one in known) / len(known) if known else 0.0
        return RemoteStats(running, sum(one.waiting for one in known), self._peak, usage)

    async def close(self) -> None:
        """As `Engine.close`: the connections are closed, which aborts what is open. The servers go on."""
        async with self._loading:
            self._closings += 1
            self._servers = ()
            self._has_failed = False
            await self._http.close()

    async def _answer(self, request: EngineRequest, closings: int) -> AsyncGenerator[EngineChunk, None]:
        key = affinity_key(request)
        tried: list[Server] = []
        is_busy = False
        while True:
            server = await self._choose(key, tried, is_busy=is_busy)
            tried.append(server)
            has_chunk = False
            try:
                async with aclosing(server.generate(request)) as chunks:
                    async for chunk in chunks:
                        has_chunk = True
                        yield chunk
                return
            except ServerBusy as error:
                is_busy = True
                logger.info("engine_server_busy url=%s cause=%s", server.url, error)
            except ServerLost as error:
                if closings != self._closings:
                    raise EngineDead(f"The connection to {server.url} was closed under this call.") from error
                server.fail(str(error))
                if has_chunk:
                    raise EngineDead(f"{server.url} was lost in the middle of the answer: {error}") from error

    async def _choose(self, key: bytes, tried: Sequence[Server], *, is_busy: bool) -> Server:
        """A server that was not tried. Raises EngineOverloaded when one was busy, else EngineUnavailable."""
        left = [server for server in self._servers if server not in tried]
        # Whoever comes first when a server is due asks it, for all; the others go on with those that are up.
        for server in left:
            if server.health.is_due and not server.is_asked:
                await server.ask()
        up = [server for server in left if server.health.is_up]
        if not up:
            up = [server for server in left if server.is_asked and await server.ask()]
        if up:
            return choose(up, key)
        if is_busy:
            raise EngineOverloaded
        raise self._unavailable(tried or left)

    def _unavailable(self, servers: Sequence[Server]) -> EngineUnavailable:
        causes = "; ".join(server.trouble for server in servers)
        wait_s = min((server.health.retry_in_s for server in servers), default=0.0)
        return EngineUnavailable(
            f"No server answers for {self._settings.model}. {causes}", retry_after_s=wait_s or None
        )
