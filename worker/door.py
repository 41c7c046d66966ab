"""A door: an ASGI app around one way of answering, with cancellation, errors as responses, and a line of the log.

Every request has one task; the client's going away cancels it, and with it whatever was started on its behalf.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.bindings.binding import RequestCalls
from paddock.bindings.errors import PaddockError, RequestTooLarge
from paddock.worker import faultreport
from paddock.worker.errorpage import ErrorPages, Failure, RequestSummary, wanted_form
from paddock.worker.errors import HandlerImportError, IsolateError, LimitExceeded
from paddock.worker.http import ClientGone, Exchange
from paddock.worker.log import SHORT_ID, LateText, request_line
from paddock.worker.peer import PeerFault
from paddock.worker.tracebacks import shown_traceback
from paddock.worker.websocket import SocketExchange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from paddock.bindings.binding import CallRecord, FetchRequest
    from paddock.worker.tracing import Tracing

__all__ = ["Door", "DoorOptions"]

logger = logging.getLogger("paddock.request")

#: An answer that takes longer than this is cancelled when its client goes away.
_WATCHED_AFTER_S: Final = 0.01


class DoorOptions(NamedTuple):
    """What all doors have in common."""

    limit_bytes: int
    colour: bool
    tracing: Tracing | None
    pages: ErrorPages
    names_requests: bool


class Door:
    """An ASGI app around one way of answering: cancel scope, errors as responses, and the log line at the end."""

    def __init__(
        self,
        answer: Callable[[Exchange, FetchRequest], Awaitable[None]],
        options: DoorOptions,
        *,
        takes_sockets: bool = False,
    ) -> None:
        self._answer = answer
        self._options = options
        self._takes_sockets = takes_sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_socket = scope["type"] == "websocket"
        if is_socket and not self._takes_sockets:
            await send({"type": "websocket.close"})  # before it is open: the client gets a 403
            return
        kind = SocketExchange if is_socket else Exchange
        exchange = kind(scope, receive, send, self._options.limit_bytes)
        started = time.monotonic()
        calls: list[CallRecord] = RequestCalls(exchange.id) if self._options.names_requests else []
        outcome = ""
        try:
            outcome = await self._serve(exchange, calls)
        finally:
            method = scope.get("method", "GET")
            path = scope["raw_path"].decode("latin-1")  # as it was sent: decoded, it may hold line breaks
            level = logging.DEBUG if path.startswith("/cdn-cgi/") and not calls else logging.INFO
            seconds = time.monotonic() - started
            colour = self._options.colour
            line = LateText(lambda: request_line(method, path, exchange.status, seconds, calls, colour=colour))
            if self._options.names_requests:
                outcome += f" · request {exchange.id[:SHORT_ID]}"
            logger.log(level, "%s%s", line, outcome, extra=self._named(exchange))
            if self._options.tracing is not None:
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
                self._options.tracing.record(method, path, exchange.status, seconds, headers, calls)

    def _named(self, exchange: Exchange) -> dict[str, object] | None:
        return {"fields": {"request_id": exchange.id}} if self._options.names_requests else None

    async def _serve(self, exchange: Exchange, calls: list[CallRecord]) -> str:
        """Answer until the answer is complete or the client has gone. Returns what the log line ends with."""
        answering = asyncio.current_task()
        assert answering is not None
        async with asyncio.TaskGroup() as tasks:
            watcher = _Watcher(exchange, answering, tasks)
            try:
                return await self._respond(exchange, calls, watcher)
            except asyncio.CancelledError:
                if watcher.has_seen_it_go and not answering.uncancel():
                    return " · client gone"
                raise
            finally:
                watcher.end()

    async def _respond(self, exchange: Exchange, calls: list[CallRecord], watcher: _Watcher) -> str:
        try:
            request = await exchange.request()
            if exchange.is_streamed:
                watcher.begin()
            request.calls = calls
            request.request_id = exchange.id if self._options.names_requests else ""
            await self._answer(exchange, request)
        except (PaddockError, PeerFault, OSError) as raised:
            error = exchange.excess or raised
            if exchange.is_client_gone or isinstance(error, ClientGone):
                return " · client gone"
            if exchange.status:
                # The head is out: all that is left is to break off, so that nobody takes the rest for complete.
                logger.error("response_broken %s", error)
                return " · broken off"
            if isinstance(error, RequestTooLarge):
                watcher.begin()
                await exchange.discard_request()
            await self._respond_error(exchange, error, calls)
        return ""

    async def _respond_error(
        self, exchange: Exchange, error: PaddockError | PeerFault | OSError, calls: list[CallRecord]
    ) -> None:
        """The error in the form that the client wants, with the user's traceback when the handler raised."""
        failure = self._failure(error, self._named(exchange))
        form = wanted_form(exchange.header("accept"))
        request = RequestSummary(exchange.line, exchange.headers, exchange.id)
        page = self._options.pages.render(failure, request, calls, form)
        await exchange.respond(failure.status, page.headers, page.body)

    def _failure(self, error: PaddockError | PeerFault | OSError, extra: dict[str, object] | None) -> Failure:
        """What the client is told; what is not the client's fault is logged as well."""
        if isinstance(error, PaddockError):
            if error.actor == "us":
                logger.error("%s %s", error.code, error, extra=extra)
            return Failure(
                error.status, error.code, str(error), name=type(error).__name__, production=_production(error)
            )
        if isinstance(error, PeerFault):
            colour, root = self._options.colour, self._options.pages.root
            logger.error("%s", shown_traceback(error.stack or str(error), root, colour=colour), extra=extra)
            report = faultreport.decode(error.report)
            return Failure(500, "handler_error", error.message, error.stack, error.name, 1101, report)
        return Failure(500, "body_broken", str(error), name="OSError")


class _Watcher:
    """Cancels the answer when the client goes away. Most answers are there before it begins: a task less for each."""

    def __init__(self, exchange: Exchange, answering: asyncio.Task[object], tasks: asyncio.TaskGroup) -> None:
        self._exchange = exchange
        self._answering = answering
        self._tasks = tasks
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_WATCHED_AFTER_S, self.begin)
        self.has_seen_it_go = False

    def begin(self) -> None:
        """Look from now on. At once where the request's body is streamed: what nobody reads of it is discarded here."""
        if self._task is None:
            self._task = self._tasks.create_task(self._watch())

    def end(self) -> None:
        """Look no longer."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        await self._exchange.disconnected()
        self.has_seen_it_go = True
        self._answering.cancel()


def _production(error: PaddockError) -> int | None:
    """The number of the page that production answers with. Source: developer docs, Workers errors."""
    if isinstance(error, LimitExceeded):
        return 1102
    return 1101 if isinstance(error, HandlerImportError | IsolateError) else None
