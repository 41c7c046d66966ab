"""The engine that runs on this machine: one vLLM host process per model, started on first use and watched from here.

Everything happens on the server's event loop, driven by frames, and nothing blocks it: the host is forked by the fork
server, loads in its own process and reports. This module never imports vLLM.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

from paddock.bindings.ai.engines.connection import HostConnection
from paddock.bindings.ai.engines.frames import Ready, Stats
from paddock.bindings.errors import EngineDead, EngineOverloaded, EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.bindings.ai.engines.forkserver import ForkServer
    from paddock.bindings.ai.engines.protocol import EngineChunk, EngineRequest, EngineState
    from paddock.bindings.ai.engines.settings import EngineSettings

__all__ = ["EmbeddedEngine"]

logger = logging.getLogger(__name__)


class EmbeddedEngine:
    """One model, served by a host process of its own. Keeps the contract of `protocol.Engine`.

    The first call starts the host, and calls that come meanwhile wait for the same one. When the host dies, its open
    generations raise EngineDead and the next call starts another.
    """

    def __init__(self, settings: EngineSettings, forkserver: ForkServer) -> None:
        self._settings = settings
        self._forkserver = forkserver
        self._starting = asyncio.Lock()
        self._host: HostConnection | None = None
        self._has_failed = False
        self._waiting = 0
        #: As `Engine.starts`.
        self.starts = 0

    @property
    def state(self) -> EngineState:
        """The state that the next call meets."""
        host = self._host
        if host is not None and not host.is_gone:
            return "loading" if host.ready is None else "warm"
        has_failed = self._has_failed or (host is not None and host.failure is not None and not host.is_closing)
        return "failed" if has_failed else "cold"

    @property
    def pid(self) -> int | None:
        """The host's process id, while there is one."""
        return None if self._host is None or self._host.is_gone else self._host.process.pid

    @property
    def open_streams(self) -> int:
        """Generations that the running host has, or is sent."""
        return 0 if self._host is None else self._host.open_streams

    @property
    def details(self) -> Ready | None:
        """Versions, limits and load times of the running host."""
        return None if self._host is None or self._host.is_gone else self._host.ready

    @property
    def phase(self) -> str:
        """As `Engine.phase`."""
        host = self._host
        return "" if host is None or host.is_gone or host.ready is not None else host.phase

    @property
    def context_tokens(self) -> int | None:
        """As `Engine.context_tokens`."""
        return None if self.details is None else self.details.max_model_len

    @property
    def can_sleep(self) -> bool:
        """As `Engine.can_sleep`: vLLM frees nothing on the CPU, though it says so."""
        return self.details is not None and self._settings.enable_sleep and self.details.device == "cuda"

    async def sleep(self) -> None:
        """As `Engine.sleep`."""
        if self._host is not None:
            await self._host.sleep(is_asleep=True)

    async def wake(self) -> None:
        """As `Engine.wake`."""
        if self._host is not None:
            await self._host.sleep(is_asleep=False)

    async def generate(self, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
        """As `Engine.generate`: chunks as the engine makes them, joined when the reader is slow.

        A call that came to a dying host, which never read it, goes to the next one. Once: what it does to a host that
        reads it nobody knows yet.
        """
        host = await self._admitted_host()
        try:
            async with aclosing(_chunks(host, request)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        except EngineDead as error:
            if error.was_read:
                raise
        logger.info("engine_call_sent_again model=%s", self._settings.served_name)
        async with aclosing(_chunks(await self._admitted_host(), request)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def stats(self) -> Stats:
        """What the host counts now; zeros while there is none. Raises EngineDead when it dies under the question."""
        if self._host is None or self.state != "warm":
            return Stats(0, 0, 0, 0, 0, 0, ())
        return await self._host.stats()

    async def load(self) -> Ready:
        """Start the host unless it runs, and return when it is warm. Raises EngineUnavailable."""
        # Shielded, because the start belongs to everybody who waits for it and not to the call that happened to be
        # first; `close` waits for it too. It takes milliseconds: the load itself is not in it.
        host = await asyncio.shield(self._started_host())
        await host.settled.wait()
        if host.ready is None:
            raise host.load_error()
        return host.ready

    async def close(self) -> None:
        """As `Engine.close`. A later call starts a new host."""
        async with self._starting:
            if self._host is not None and not self._host.is_gone:
                await self._host.close()

    async def _admitted_host(self) -> HostConnection:
        """A warm host with room for one more. Raises EngineOverloaded or EngineUnavailable."""
        if self._waiting + self.open_streams >= self._settings.max_open_requests:
            raise EngineOverloaded
        if self._host is not None and self.state == "warm":
            return self._host
        self._waiting += 1
        try:
            await self.load()
        finally:
            self._waiting -= 1
        assert self._host is not None  # load returned
        return self._host

    async def _started_host(self) -> HostConnection:
        async with self._starting:
            if self._host is None or self._host.is_gone:
                self._host = await self._start()
            return self._host

    async def _start(self) -> HostConnection:
        name = self._settings.served_name
        self.starts += 1
        logger.info("engine_loading model=%s path=%s", name, self._settings.model_path)
        try:
            process = await self._forkserver.fork(name, self._settings.device)
        except EngineUnavailable:
            self._has_failed = True
            raise
        self._has_failed = False
        host = HostConnection(process, self._settings)
        await host.load()
        return host


async def _chunks(host: HostConnection, request: EngineRequest) -> AsyncGenerator[EngineChunk, None]:
    """One generation on one host. Raises as `HostConnection.begin`, and what the stream fails with."""
    number, stream = host.begin(request)
    try:
        while True:
            chunk = await stream.next()
            yield chunk
            if chunk.finish_reason is not None:
                return
    finally:
        host.end(number)
