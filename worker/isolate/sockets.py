"""A handler's WebSocket over the channel: its messages as the two bodies that carry them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from paddock.worker import messages
from paddock.worker.channel import BodyBroken
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.lanes import Close, Disconnected

if TYPE_CHECKING:
    from paddock.worker.channel import ByteSource
    from paddock.worker.isolate.web.lanes import End

__all__ = ["NOT_ASKED_FOR", "Coupling"]

#: Source: workerd, api/http.
NOT_ASKED_FOR: Final = (
    "Worker tried to return a WebSocket in a response to a request which did not contain the header "
    '"Upgrade: websocket".'
)
#: How long a handler has to answer the Close frame of a server that it called.
_CLOSE_S: Final = 10.0


class Coupling:
    """One end of a pipe joined to the other side of the channel. `said` is what the handler's side says, a body."""

    def __init__(self, end: End) -> None:
        self._end = end
        self.said = _Said(end)

    async def carry(self, incoming: ByteSource) -> None:
        """Give the handler's side what the other side says, one message at a time, until either has enough.

        A handler that is slow to take a message holds up the sender, by way of the body's credit.
        """
        buffer, lane = messages.MessageBuffer(), self._end.outbox
        try:
            while (piece := await incoming.pull()) is not None:
                for message in buffer.feed(piece):
                    match message:
                        case messages.Close(code, reason):
                            lane.put(Close(code, reason))
                        case messages.Failure():
                            lane.break_off(_protocol_error(message))
                        case _:
                            lane.put(message)
                            await lane.taken()
        except OSError:
            pass  # what the handler learns of it is that no Close frame came
        finally:
            lane.break_off()
            await incoming.cancel(None)

    async def keep(self, incoming: ByteSource) -> None:
        """Carry until both sides have said their last; the handler gets some time to answer a Close frame."""
        try:
            await self.carry(incoming)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self.said.over.wait()
        finally:
            await self.said.cancel(None)


class _Said:
    """What the handler's side says, as a ByteSource. It ends behind a Close frame, or when the handler lets go."""

    def __init__(self, end: End) -> None:
        self._inbox = end.inbox
        #: Set when nothing more will be said.
        self.over = asyncio.Event()

    async def pull(self) -> bytes | None:
        if self.over.is_set():
            return None
        try:
            message = await self._inbox.get()
        except Disconnected:
            self.over.set()
            raise BodyBroken("the handler's side of the WebSocket ended without a Close frame") from None
        if isinstance(message, Close):
            self.over.set()
            return messages.encode(messages.Close(*message))
        return messages.encode(message)

    async def cancel(self, reason: object) -> None:
        self.over.set()
        self._inbox.abandon()


def _protocol_error(failure: messages.Failure) -> JsException:
    """The platform's text for a peer that breaks the protocol. Source: workerd, websocket-client-error-test."""
    detail = f"protocolError.statusCode = {failure.code}; protocolError.description = {failure.description}"
    return JsException("Error", f"WebSocket protocol error; {detail}")
