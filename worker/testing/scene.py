"""What is new for every test: the AI service, the bindings with their storage, the queues, and the outside world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.state import StateFolder
from paddock.worker.assembly import make_bindings, make_broker
from paddock.worker.testing.outbound import TestedOutbound
from paddock.worker.testing.service import TestedService

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from paddock.bindings.queues.broker import Deliver
    from paddock.worker.testing.props import Play, Props
    from paddock.worker.testing.service import Live

__all__ = ["Scene"]


class Scene:
    """The parts of one test. Nothing is made on disk before a binding needs it."""

    def __init__(self, props: Props, play: Play, state: Path, live: Live) -> None:
        self.service = TestedService(props, play, StateFolder(state), live)
        self.broker = make_broker(*props.configs)
        #: By the name of the worker; what has the same id is the same for all.
        self.bindings = {
            config.name: make_bindings(msgspec.structs.replace(config, state=state), self.service, self.broker)
            for config in props.configs
        }
        self.outbound = TestedOutbound(play.outbound, play.timeline)
        self.timeline = play.timeline

    def start(self, tasks: asyncio.TaskGroup, deliver: Deliver) -> None:
        """Begin what runs beside events."""
        self.service.start(tasks)
        self.broker.start(tasks, deliver)

    async def close(self) -> None:
        """End it, and forget what was stored."""
        self.broker.close()
        for bindings in self.bindings.values():
            await bindings.close()
        await self.service.close()
        await self.outbound.close()
