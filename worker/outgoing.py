"""The bodies that one end of the isolate boundary writes: idle until the reader grants credit, and then as it does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from paddock.worker import wire
from paddock.worker.bodies import CLOSED, LocalBody, WholeBody
from paddock.worker.channel import WireError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paddock.worker.channel import ByteSource
    from paddock.worker.wire import Frame

__all__ = ["OutgoingBodies", "cancel_begun"]

#: Larger pieces are cut, so that one body does not hold up the frames of the others.
_PIECE_BYTES: Final = 64 * 1024


class OutgoingBodies:
    """Those of one connection. `send` queues frames, `drained` returns when the socket takes more."""

    def __init__(self, send: Callable[[Frame], None], drained: Callable[[], Awaitable[None]]) -> None:
        self._send = send
        self._drained = drained
        self._bodies: dict[int, LocalBody] = {}
        #: Set by the connection when it begins: every task here ends with it.
        self.tasks: asyncio.TaskGroup | None = None

    def add(self, number: int, body: bytes | ByteSource, cause: int | None) -> None:
        """Have a body that the other end may read by this number, on behalf of this event."""
        self._bodies[number] = LocalBody(WholeBody(body) if isinstance(body, bytes) else body, cause)

    def find(self, number: int) -> LocalBody | None:
        """The body, unless it is over."""
        return self._bodies.get(number)

    def take_back(self, number: int) -> ByteSource | None:
        """The source of a body that the other end hands back unread; None where it is over."""
        body = self._bodies.get(number)
        if body is None:
            return None
        if body.task is not None:
            raise WireError(f"body {number} was handed back, but it is already being read")
        return self._bodies.pop(number).source

    def credit(self, number: int, pieces: int) -> None:
        """The other end takes so many pieces more."""
        body = self._bodies.get(number)
        if body is None:
            return
        body.credit += pieces
        body.granted.set()
        if body.task is None:
            assert self.tasks is not None
            body.task = self.tasks.create_task(self._write(number, body), name=f"body-{number}")

    def stop(self, number: int) -> None:
        """The other end wants no more of it."""
        body = self._bodies.pop(number, None)
        if body is None:
            return
        body.over.set()
        if body.task is not None:
            cancel_begun(body.task)
        elif self.tasks is not None:
            self.tasks.create_task(body.source.cancel(None))

    def close_of(self, cause: int) -> None:
        """Close every body that was made on behalf of this event. The other end, which may still hold it, is told."""
        for number in [number for number, body in self._bodies.items() if body.cause == cause]:
            self.stop(number)
            self._send(wire.End(wire.BodyId(number), CLOSED))

    def cancel(self) -> None:
        """The connection is over: whatever is being written ends."""
        for body in self._bodies.values():
            if body.task is not None:
                body.task.cancel()

    async def abandon(self) -> None:
        """Let go of what nobody will read any more."""
        for body in self._bodies.values():
            await body.source.cancel(None)
        self._bodies.clear()

    async def _write(self, number: int, body: LocalBody) -> None:
        error = ""
        try:
            while (data := await body.source.pull()) is not None:
                for start in range(0, len(data), _PIECE_BYTES):
                    while not body.credit:
                        body.granted.clear()
                        await body.granted.wait()
                    body.credit -= 1
                    self._send(wire.Piece(wire.BodyId(number), data[start : start + _PIECE_BYTES]))
                    await self._drained()
        except OSError as broken:
            error = str(broken) or type(broken).__name__
        finally:
            self._bodies.pop(number, None)
            await body.source.cancel(None)
            body.over.set()
        self._send(wire.End(wire.BodyId(number), error))


def cancel_begun(task: asyncio.Task[None]) -> None:
    """Cancel a task after its first step: one that is cancelled before it skips its own clean-up."""
    asyncio.get_running_loop().call_soon(task.cancel)
