"""What is new for every test: the AI service, the bindings with their storage, the queues, and the outside world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.host import BindingsHost
from paddock.worker.assembly import make_bindings, make_broker
from paddock.worker.outbound import Outbound
from paddock.worker.testing.outbound import TestedOutbound
from paddock.worker.testing.service import TestedService

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from paddock.bindings.binding import FetchRequest, FetchResponse
    from paddock.bindings.queues.broker import Deliver
    from paddock.worker.peer import IncomingFetch
    from paddock.worker.testing.props import Play, Props
    from paddock.worker.testing.service import Live

__all__ = ["CurrentBindings", "CurrentOutbound", "Scene"]


class Scene:
    """The parts of one test. Nothing is made on disk before a binding needs it."""

    def __init__(self, props: Props, play: Play, state: Path, live: Live) -> None:
        self.service = TestedService(props, play, live)
        self.broker = make_broker(props.config)
        self.bindings = make_bindings(msgspec.structs.replace(props.config, state=state), self.service, self.broker)
        self.outbound = TestedOutbound(play.outbound, play.timeline)

    def start(self, tasks: asyncio.TaskGroup, deliver: Deliver) -> None:
        """Begin what runs beside events."""
        self.service.engines.start(tasks)
        self.broker.start(tasks, deliver)

    async def close(self) -> None:
        """End it, and forget what was stored."""
        self.broker.close()
        await self.bindings.close()
        await self.service.engines.close()
        await self.outbound.close()


class CurrentBindings(BindingsHost):
    """The bindings of whatever test runs, for an isolate that outlives tests."""

    def __init__(self, scene: Callable[[], Scene]) -> None:
        super().__init__({})
        self._scene = scene

    def kinds(self) -> dict[str, str]:
        """As in `BindingsHost`."""
        return self._scene().bindings.kinds()

    async def fetch(self, name: str, request: FetchRequest) -> FetchResponse:
        """As in `BindingsHost`."""
        return await self._scene().bindings.fetch(name, request)


class CurrentOutbound(Outbound):
    """The outside world of whatever test runs."""

    def __init__(self, scene: Callable[[], Scene]) -> None:
        super().__init__()
        self._scene = scene

    async def fetch(self, request: FetchRequest, redirect: str, count: Callable[[], str] = str) -> FetchResponse:
        """As in `Outbound`."""
        return await self._scene().outbound.fetch(request, redirect, count)

    async def upgrade(self, incoming: IncomingFetch) -> None:
        """As in `Outbound`."""
        await self._scene().outbound.upgrade(incoming)
