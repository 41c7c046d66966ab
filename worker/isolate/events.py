"""Events: a fetch of the server becomes a call of the handler, and what it returns becomes the reply.

Source: workerd, Python entrypoint helper; PW-001 to PW-022, PW-026 to PW-033.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from paddock.worker import wire
from paddock.worker.channel import whole
from paddock.worker.isolate import traced
from paddock.worker.isolate.answering import Answers
from paddock.worker.isolate.cf import ClientProperties
from paddock.worker.isolate.context import WAIT_UNTIL_CUT, Background, ExecutionContext
from paddock.worker.isolate.cpu import CpuLimitExceeded, CpuMeter
from paddock.worker.isolate.deliveries import DELIVERIES
from paddock.worker.isolate.depth import DEPTH
from paddock.worker.isolate.loader import user_frames
from paddock.worker.isolate.notes import begin as begin_notes
from paddock.worker.isolate.notes import current as current_notes
from paddock.worker.isolate.own import thrown
from paddock.worker.isolate.report import message_of, report
from paddock.worker.isolate.shown import Shower
from paddock.worker.isolate.sockets import NOT_ASKED_FOR, Coupling
from paddock.worker.isolate.transport import CURRENT_EVENT, wire_body
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.scope import current_scope, enter_request
from paddock.worker.isolate.web.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.worker.isolate.calls import Calls
    from paddock.worker.isolate.remotecalls import RemoteCalls
    from paddock.worker.isolate.web.objects import JsObject
    from paddock.worker.isolate.web.response import Response
    from paddock.worker.peer import IncomingFetch, Peer

__all__ = ["Events"]

logger = logging.getLogger(__name__)


#: The server gives a client less than this to answer a Close frame.
_CLOSE_S: Final = 15.0


_NO_PROPS: Final = "{}"
_JSON: Final = (("content-type", "application/json"),)


class Events:
    """Calls the handler for each event of the server. The test kit changes what its attributes name."""

    make_context: ClassVar[type[ExecutionContext]] = ExecutionContext
    make_meter: ClassVar[type[CpuMeter]] = CpuMeter
    #: False where the process is that of the tests, which has a life besides.
    is_alone: ClassVar[bool] = True

    def __init__(
        self,
        calls: Calls,
        remote: RemoteCalls,
        wait_until_s: float,
        cpu_ms: int,
        exports: JsObject | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self._calls = calls
        self._remote = remote
        self._shower = Shower(secrets)
        self._wait_until_s = wait_until_s
        self._exports = exports
        self._answers = Answers()
        self._cpu = self.make_meter(cpu_ms, CURRENT_EVENT.get, self._answers.fail)
        self._cpu.start()

    async def serve(self, peer: Peer, incoming: IncomingFetch) -> None:
        """Answer one event; its context ends when its `waitUntil` work is done or has used up its time."""
        CURRENT_EVENT.set(incoming.fetch.id)
        begin_notes(incoming.fetch.request_id)
        traced.begin()
        DEPTH.set(incoming.fetch.depth)
        try:
            async with enter_request(), Background() as background:
                context = self.make_context(background, _props(incoming.fetch.props), self._exports)
                carrier = await self._answer(incoming, context)
                # The streams of a response are made by this event: it must outlive them.
                await incoming.sent()
                await _finished(carrier)
                await background.finish(self._wait_until_s)
        except TimeoutError:
            logger.warning("%s", WAIT_UNTIL_CUT)
        finally:
            cpu_ms = self._cpu.forget(incoming.fetch.id)
            self._remote.forget(incoming.fetch.id)
            if not incoming.is_finished:
                trace = traced.current()
                peer.send(wire.Finished(incoming.fetch.id, trace.told(cpu_ms) if trace is not None else b""))

    async def _answer(self, incoming: IncomingFetch, context: ExecutionContext) -> asyncio.Task[None] | None:
        """Reply. The task that carries the client's messages to the handler, where the answer is a WebSocket."""
        try:
            if incoming.fetch.target == wire.FETCH:
                return await self._respond(incoming, context)
            if incoming.fetch.target in (wire.CALL, wire.STUB):
                await self._call(incoming, context)
            else:
                await self.deliver(incoming, context)
        except CpuLimitExceeded as error:
            traced.fail(error, "exceededCpu")
            incoming.fault(wire.CPU_LIMIT, str(error), "\n".join(getattr(error, "__notes__", ())))
        except JsException as error:
            traced.fail(error)
            self.fault(incoming, error.name, error.message, error)
        except asyncio.CancelledError as error:  # user code may await a task that was cancelled
            self.fault(incoming, "Error", "The handler was cancelled before it answered.", error)
            raise
        except Exception as error:  # user code: whatever it raises becomes the answer
            traced.fail(error)
            if incoming.fetch.depth:  # of another worker, which gets what JavaScript would get
                incoming.fault("PythonError", thrown(error).message)
            else:
                self.fault(incoming, type(error).__name__, message_of(error), error)
        return None

    def fault(self, incoming: IncomingFetch, name: str, message: str, error: BaseException) -> None:
        """End an event with the exception that its handler raised."""
        incoming.fault(name, message, user_frames(error), report(error, current_notes(), self._shower))

    async def _respond(self, incoming: IncomingFetch, context: ExecutionContext) -> asyncio.Task[None] | None:
        fetch = incoming.fetch
        cf = ClientProperties(fetch.headers)
        # What stands in the place of an upgrade's body are the messages that are to come.
        body = None if fetch.is_upgrade else incoming.body
        request = Request.from_parts(fetch.method, fetch.url, fetch.headers, body, cf=cf)

        def reply(response: Response) -> asyncio.Task[None] | None:
            coupling = _couple(response, incoming)
            said = wire_body(response.payload()) if coupling is None else coupling.said
            status, text, headers = int(response.status), str(response.statusText), tuple(response.header_pairs())
            goes_on = coupling is not None or not (context.is_idle and current_scope().is_idle) or traced.current()
            incoming.reply(status, text, headers, said, is_last=not goes_on)
            if coupling is not None and not (incoming.body is None or isinstance(incoming.body, bytes)):
                return current_scope().start(coupling.carry(incoming.body))
            return None

        # By the handler's own task: the reply need not wait until this one has its turn.
        return await self._answers.of(fetch.id, self._calls.fetch(fetch.entrypoint, request, context), reply)

    async def _call(self, incoming: IncomingFetch, context: ExecutionContext) -> None:
        """A call of RPC from another isolate."""
        # Not by a name: what waits for nothing must be garbage, see `Answers`.
        await self._answers.of(
            incoming.fetch.id,
            await self._remote.work(incoming, self._calls, context),
            lambda result: self._remote.reply(incoming, result),
        )

    def describe(self, error: BaseException) -> str:
        """The exception in the outcome of an event that is no fetch."""
        return user_frames(error)

    async def deliver(self, incoming: IncomingFetch, context: ExecutionContext) -> None:
        """An event that is no fetch. Its outcome is an answer, too, when the handler raises (PW-027)."""
        kind = incoming.fetch.target
        delivery = DELIVERIES[kind](incoming.fetch.headers, await whole(incoming.body))
        outcome, frames = "ok", ""
        try:
            await self._answers.of(incoming.fetch.id, self._calls.event(kind, delivery.subject, context), _unused)
        except CpuLimitExceeded as error:
            outcome, frames = "exceededCpu", str(error)
            traced.fail(error, outcome)
        except Exception as error:  # user code: whatever it raises is the outcome
            outcome, frames = "exception", self.describe(error)
            traced.fail(error)
        result = {"outcome": outcome, "error": frames, **delivery.result()}
        incoming.reply(200, "OK", _JSON, msgspec.json.encode(result))


def _unused(result: object) -> None:
    """What an event that is no fetch returns has no meaning."""


def _props(text: str) -> object:
    return None if text == _NO_PROPS else jsonvalue.parse(text)


def _couple(response: Response, incoming: IncomingFetch) -> Coupling | None:
    """The WebSocket of a response, joined to the client; None where there is none. Raises JsException."""
    socket = response.webSocket
    if not isinstance(socket, WebSocket):
        return None
    if not incoming.fetch.is_upgrade:
        raise JsException("TypeError", NOT_ASKED_FOR)
    return Coupling(socket.release_end())


async def _finished(carrier: asyncio.Task[None] | None) -> None:
    """Wait for the client's answer to a Close frame, which the handler waits for as well."""
    if carrier is not None:
        await asyncio.wait([carrier], timeout=_CLOSE_S)
