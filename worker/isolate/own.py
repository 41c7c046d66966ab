"""This worker as its own callee: an entrypoint answers in the same isolate, while the outer event waits.

The inner event is an event of its own inside the outer one. What it leaves for `waitUntil` keeps the outer event alive;
what it streams ends with the outer event at the latest. PW-039.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from paddock.worker.isolate.calls import DEFAULT
from paddock.worker.isolate.context import WAIT_UNTIL_CUT, Background, ExecutionContext
from paddock.worker.isolate.deliveries import DELIVERIES
from paddock.worker.isolate.depth import DEPTH, next_depth
from paddock.worker.isolate.loader import user_frames
from paddock.worker.isolate.rpc import LASTING, crossed
from paddock.worker.isolate.sockets import NOT_ASKED_FOR
from paddock.worker.isolate.transport import wire_body
from paddock.worker.isolate.web import jsonvalue
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.request import Request
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import Scope, current_scope, enter_request
from paddock.worker.isolate.web.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from paddock.worker.isolate.calls import Calls
    from paddock.worker.isolate.web.objects import JsObject
    from paddock.worker.isolate.web.streams import ByteSource

__all__ = ["OwnWorker", "Target", "thrown", "with_length"]

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class Target(NamedTuple):
    """An entrypoint of this worker, and what its `ctx.props` are: JSON text."""

    entrypoint: str
    props: str = "{}"


class OwnWorker:
    """This worker as its own callee. Stubs are made before the handler is imported: `open` comes after that."""

    def __init__(self, wait_until_s: float) -> None:
        self._wait_until_s = wait_until_s
        self._calls: Calls | None = None
        self._exports: JsObject | None = None
        #: What ends inner events; a scope ends its tasks, but does not keep them.
        self._closing: set[asyncio.Task[None]] = set()

    def open(self, calls: Calls, exports: JsObject | None) -> None:
        """Set who answers, and what `ctx.exports` holds; once, before the first event."""
        self._calls, self._exports = calls, exports

    async def fetch(self, target: Target, request: Request) -> Response:
        """The response of an entrypoint. Raises JsException with what the handler raised."""

        async def answer(calls: Calls, context: ExecutionContext) -> tuple[Response, asyncio.Event | None]:
            response = await calls.fetch(target.entrypoint, with_length(request), context)
            if isinstance(response.webSocket, WebSocket):
                # Both ends of the connection are in this isolate: it has until the outer event ends.
                return _handed_over(response, response.webSocket, request), asyncio.Event()
            body, over = wire_body(response.payload()), None
            if body is not None and not isinstance(body, bytes):
                body = _Lasting(body)
                over = body.over
            head = response.status, response.statusText, response.header_pairs()
            return Response.from_parts(*head, body, request.url), over

        return await self._event(target, answer)

    async def deliver(self, kind: str, arguments: bytes) -> dict[str, object]:
        """Have the default entrypoint take an event that is no fetch; its outcome, and what the handler did."""
        delivery = DELIVERIES[kind]((), arguments)

        async def answer(calls: Calls, context: ExecutionContext) -> tuple[None, asyncio.Event | None]:
            await calls.event(kind, delivery.subject, context)
            return None, None

        outcome, text = "ok", ""
        try:
            await self._event(Target(DEFAULT), answer)
        except JsException as error:
            outcome, text = "exception", str(error)
        return {"outcome": outcome, "error": text, **delivery.result()}

    async def call(self, target: Target, method: str, args: tuple[object, ...]) -> object:
        """What a method returns. Raises JsException with what it raised."""
        given = tuple(crossed(argument) for argument in args)

        async def answer(calls: Calls, context: ExecutionContext) -> tuple[object, asyncio.Event | None]:
            result = crossed(await calls.method(target.entrypoint, method, given, context))
            # Who reads what such a result brings, and when, nobody knows: it has until the outer event ends.
            return result, asyncio.Event() if isinstance(result, LASTING) else None

        return await self._event(target, answer)

    async def _event(
        self,
        target: Target,
        answer: Callable[[Calls, ExecutionContext], Awaitable[tuple[_Result, asyncio.Event | None]]],
    ) -> _Result:
        """Have an event inside the running one; return as soon as it has answered."""
        assert self._calls is not None, "events come after the import"
        calls, outer, depth = self._calls, current_scope(), next_depth()
        answered: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            DEPTH.set(depth)
            inner, over = enter_request(), None
            try:
                async with Background() as background:
                    context = ExecutionContext(background, jsonvalue.parse(target.props), self._exports)
                    try:
                        result, over = await answer(calls, context)
                    except Exception as error:  # user code: whatever it raises, its caller gets
                        if not answered.done():
                            answered.set_exception(thrown(error))
                    else:
                        if not answered.done():
                            answered.set_result(result)
                    await background.finish(self._wait_until_s)
            except TimeoutError:
                logger.warning("%s", WAIT_UNTIL_CUT)
            finally:
                answered.cancel()  # of no effect once it is settled
                task = outer.start(_close(inner, over))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

        event = ExecutionContext.current().prolong(run)
        try:
            return await answered
        except asyncio.CancelledError:  # nobody waits for the answer any more
            event.cancel()
            raise


def _handed_over(response: Response, socket: WebSocket, request: Request) -> Response:
    """The answer to an upgrade, as the caller gets it: the callee has no more of this end. Raises JsException."""
    upgrade = request.headers.get("upgrade")
    if not isinstance(upgrade, str) or upgrade.lower() != "websocket":
        raise JsException("TypeError", NOT_ASKED_FOR)
    made = Response.from_parts(response.status, response.statusText, response.header_pairs(), None, request.url)
    made._web_socket = WebSocket.holding(socket.release_end())
    return made


def with_length(request: Request) -> Request:
    """The request as it arrives: with the length of a body that is complete. Source: the SDK's WSGI suite."""
    body = request._bytes
    if body is None or request.headers.has("content-length"):
        return request
    headers = [*request.header_pairs(), ("content-length", str(len(body)))]
    cf = cast("Mapping[str, object] | None", request._cf)
    return Request.from_parts(request.method, request.url, headers, body, cf, request._signal)


class _Lasting:
    """A body that the caller reads and the callee fills: `over` says when it is done. A ByteSource."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.over = asyncio.Event()

    async def pull(self) -> bytes | None:
        piece = await self._source.pull()
        if piece is None:
            self.over.set()
        return piece

    async def cancel(self, reason: object) -> None:
        self.over.set()
        await self._source.cancel(reason)


async def _close(inner: Scope, over: asyncio.Event | None) -> None:
    """End an inner event once nothing of its answer is left to come, or with the outer event."""
    try:
        if over is not None:
            await over.wait()
    finally:
        await inner.aclose()


def thrown(error: Exception) -> JsException:
    """What the handler raised, as it arrives at the caller: an exception of Python is a text by then."""
    if isinstance(error, JsException):
        return JsException(error.name, error.message)
    return JsException("PythonError", user_frames(error))
