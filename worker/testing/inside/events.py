"""Events as tests need them: exceptions with all that rebuilds them, background work with its origin, and `env`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from paddock.worker.isolate.events import Events
from paddock.worker.isolate.web import websocket
from paddock.worker.testing.inside import control
from paddock.worker.testing.inside.background import LEDGER, TestedContext
from paddock.worker.testing.inside.described import described
from paddock.worker.testing.inside.residue import RESIDUE

if TYPE_CHECKING:
    import asyncio

    from paddock.worker.isolate.context import ExecutionContext
    from paddock.worker.peer import IncomingFetch, Peer

__all__ = ["TestedEvents"]


class TestedEvents(Events):
    """Calls the handler, and takes events of the kit itself: those whose target is `control.TARGET`."""

    make_context: ClassVar[type[ExecutionContext]] = TestedContext

    async def serve(self, peer: Peer, incoming: IncomingFetch) -> None:
        """As in `Events`."""
        RESIDUE.peer = peer
        await super().serve(peer, incoming)

    def fault(self, incoming: IncomingFetch, name: str, message: str, error: BaseException) -> None:
        """As in `Events`; the report is a description, from which the test's process makes an exception like it."""
        incoming.fault(name, message, "", described(error).encode())

    def describe(self, error: BaseException) -> str:
        """As in `Events`: a description, too."""
        return described(error)

    async def _respond(self, incoming: IncomingFetch, context: ExecutionContext) -> asyncio.Task[None] | None:
        """As in `Events`; the ledger knows then that there are listeners."""
        LEDGER.has_listeners |= incoming.fetch.is_upgrade
        return await super()._respond(incoming, context)

    async def deliver(self, incoming: IncomingFetch, context: ExecutionContext) -> None:
        """As in `Events`, or what the test asks for."""
        if incoming.fetch.target == control.TARGET:
            await control.answer(incoming, context, self._calls)
        else:
            await super().deliver(incoming, context)


#: What a listener raises fails the test, as work in the background does.
websocket.uncaught = LEDGER.failed
