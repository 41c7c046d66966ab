"""The ASGI app: reserved paths to Paddock's own doors, everything else to the worker.

Every request has one task; the client's going away cancels it, and with it whatever was started on its behalf.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec
from starlette.routing import Router

from paddock.bindings.ai.doors import envelope, openai, openapi, rest
from paddock.bindings.ai.doors import wire as ai_wire
from paddock.bindings.ai.doors.access import OPEN
from paddock.bindings.ai.doors.finetunes import MAX_UPLOAD_BYTES
from paddock.bindings.errors import InputError, PaddockError, RequestTooLarge
from paddock.worker import faultreport, local_ai, relay, triggers, wire
from paddock.worker.addressees import Addressees
from paddock.worker.errorpage import ErrorPages, Failure, RequestSummary, wanted_form
from paddock.worker.errors import HandlerImportError, IsolateError, LimitExceeded, WorkerRestarted
from paddock.worker.guard import RESERVED, Guard
from paddock.worker.http import Exchange, text_headers
from paddock.worker.log import SHORT_ID, LateText, request_line
from paddock.worker.metrics import Metrics
from paddock.worker.peer import PeerFault
from paddock.worker.tracebacks import shown_traceback
from paddock.worker.upstream import Upstream
from paddock.worker.websocket import SocketExchange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from paddock.bindings.ai.doors.access import Access
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.assets.binding import AssetsBinding
    from paddock.bindings.binding import CallRecord, FetchRequest
    from paddock.worker.peer import Answer
    from paddock.worker.supervisor import Supervisor
    from paddock.worker.tracing import Tracing

__all__ = ["Front", "make_app"]

logger = logging.getLogger("paddock.request")

#: An answer that takes longer than this is cancelled when its client goes away.
_WATCHED_AFTER_S: Final = 0.01


class Front(NamedTuple):
    """What requests meet before the worker does."""

    guard: Guard = Guard()
    upstream: Upstream = Upstream()
    #: Whether `/__scheduled` is ours.
    tests_scheduled: bool = False
    #: Whether the log says which request a line belongs to.
    names_requests: bool = False


def make_app(
    supervisor: Supervisor,
    service: AiService,
    limit_bytes: int,
    *,
    access: Access = OPEN,
    colour: bool = False,
    metrics: Metrics | None = None,
    tracing: Tracing | None = None,
    pages: ErrorPages | None = None,
    assets: AssetsBinding | None = None,
    front: Front = Front(),  # noqa: B008 - immutable
    addressees: Addressees | None = None,
) -> ASGIApp:
    """The dev server's app. `access` decides who may use the REST API; `metrics` has what `service` has counted.

    `assets` answers what it says is not the worker's; `addressees` are the workers beside it, for events by hand.
    """
    to = addressees or Addressees(supervisor.current)
    counted = metrics or Metrics()
    options = _DoorOptions(limit_bytes, colour, tracing, pages or ErrorPages(), front.names_requests)

    async def answer_rest(exchange: Exchange, request: FetchRequest) -> None:
        answer = openai.answer if openai.PATH.fullmatch(urlsplit(request.url).path) else rest.answer
        response = await answer(service, request, limit_bytes, access)
        await exchange.respond(response.status, response.headers, response.body)

    async def answer_binding(exchange: Exchange, request: FetchRequest) -> None:
        # Of the ways to the binding's wire, the one through the REST API alone brings a token.
        if urlsplit(request.url).path.startswith(rest.PREFIX) and not access.admits(request):
            response = envelope.authentication_failure()
            await exchange.respond(response.status, response.headers, response.body)
            return
        reason = front.guard.refusal(request.header("host"), request.header("origin"), own_host=relay.HOST)
        await (_refuse(exchange, reason) if reason else _answer_binding(service, limit_bytes, exchange, request))

    async def answer_client(exchange: Exchange, request: FetchRequest) -> None:
        asset = None if assets is None else await assets.route(request)
        if asset is None:
            await _answer_event(supervisor, exchange, request, front)
            return
        await exchange.discard_request()
        await exchange.respond(asset.status, asset.headers, asset.body)

    worker = _Door(answer_client, options, takes_sockets=True)
    api = _Door(answer_rest, options)
    uploads = _Door(answer_rest, options._replace(limit_bytes=MAX_UPLOAD_BYTES))
    binding = _Door(answer_binding, options)
    description = _Door(lambda exchange, _: _answer_description(service, exchange), options)
    local = _Door(lambda exchange, request: _answer_local_ai(service, counted, exchange, request), options)

    events = _Door(lambda exchange, request: _answer_trigger(to, exchange, request), options)

    own = dict.fromkeys((local_ai.PREFIX + name for name in local_ai.PATHS), local) | {openapi.PATH: description}
    own |= dict.fromkeys(triggers.PATHS, events)
    own |= {old: _Door(_move, options) for old in triggers.MOVED}
    if front.tests_scheduled:
        own[triggers.TEST_PATH] = _Door(lambda exchange, request: _test_scheduled(to, exchange, request), options)

    relayed = relay.Relay(binding)
    lifespan = Router().lifespan

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Without Starlette's application and routes: the HTTP server and the doors have its error pages, and routes
        # match decoded paths with `.`, which is no line break, and any path may hold one.
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
            return
        path = scope["path"]
        door: ASGIApp
        if relayed.takes(scope):  # which has a guard of its own
            door = relayed
        elif path.startswith(RESERVED) and (reason := _refusal(front.guard, scope)):
            door = _Door(lambda exchange, _: _refuse(exchange, reason), options, takes_sockets=True)
        elif path.startswith(rest.PREFIX):
            door = uploads if rest.UPLOAD.fullmatch(path) else api
        else:
            door = own.get(path, worker)
        await door(scope, receive, send)

    return app


class _DoorOptions(NamedTuple):
    """What all doors have in common."""

    limit_bytes: int
    colour: bool
    tracing: Tracing | None
    pages: ErrorPages
    names_requests: bool


class _Door:
    """An ASGI app around one way of answering: cancel scope, errors as responses, and the log line at the end."""

    def __init__(
        self,
        answer: Callable[[Exchange, FetchRequest], Awaitable[None]],
        options: _DoorOptions,
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
        calls: list[CallRecord] = []
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
            await self._answer(exchange, request)
        except (PaddockError, PeerFault, OSError) as raised:
            error = exchange.excess or raised
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


def _refusal(guard: Guard, scope: Scope) -> str:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return guard.refusal(headers.get(b"host"), headers.get(b"origin"))


async def _refuse(exchange: Exchange, reason: str) -> None:
    await exchange.discard_request()
    await exchange.respond(403, text_headers(), reason.encode())


async def _move(exchange: Exchange, request: FetchRequest) -> None:
    """An older path: to the newer one, with method, body and query."""
    url = urlsplit(request.url)
    target = triggers.MOVED[unquote(url.path)] + (f"?{url.query}" if url.query else "")
    await exchange.discard_request()
    await exchange.respond(308, text_headers(("location", target)), b"")


async def _test_scheduled(addressees: Addressees, exchange: Exchange, request: FetchRequest) -> None:
    response = await triggers.answer_test(addressees, request)
    await exchange.discard_request()
    await exchange.respond(response.status, response.headers, response.body)


async def _answer_event(supervisor: Supervisor, exchange: Exchange, request: FetchRequest, front: Front) -> None:
    """A request of the worker: an event into the current isolate."""
    outer = request.url
    if front.upstream.is_other:
        front.upstream.enter(request)
    fetch = wire.Fetch(
        wire.FetchId(0),
        wire.FETCH,
        request.method,
        request.url,
        request.headers,
        None,
        is_upgrade=exchange.is_upgrade,
        request_id=exchange.id if front.names_requests else "",
    )
    try:
        answer = await _answered(supervisor, fetch, request)
    except PeerFault:
        if not _is_test_icon(exchange, front):
            raise
        await exchange.respond(404, (), b"")
        return
    headers = front.upstream.leave(outer, answer.headers) if front.upstream.is_other else answer.headers
    await exchange.respond(answer.status, headers, answer.body)


async def _answered(supervisor: Supervisor, fetch: wire.Fetch, request: FetchRequest) -> Answer:
    while True:
        isolate = await supervisor.current()
        try:
            return await isolate.fetch(fetch, request.body, request.calls)
        except WorkerRestarted:
            # As the official dev server does: what changes nothing, and can be sent again, is answered by the new code.
            if request.method not in ("GET", "HEAD") or request.body is not None or supervisor.is_closing:
                raise


def _is_test_icon(exchange: Exchange, front: Front) -> bool:
    """Whether a browser asks for the icon of the page /__scheduled, which a worker without `fetch` cannot answer."""
    referer = urlsplit(exchange.header("referer") or "")
    return front.tests_scheduled and exchange.line == "GET /favicon.ico" and referer.path == triggers.TEST_PATH


async def _answer_trigger(addressees: Addressees, exchange: Exchange, request: FetchRequest) -> None:
    """An event that is no request of the worker, triggered by hand."""
    response = await triggers.answer(addressees, request)
    if response.status >= 400:  # the body may be a stream that nobody has read
        await exchange.discard_request()
    await exchange.respond(response.status, response.headers, response.body)


async def _answer_binding(service: AiService, limit_bytes: int, exchange: Exchange, request: FetchRequest) -> None:
    """A request of the AI binding of another runtime: the same protocol that the isolate's own binding speaks."""
    try:
        response = await ai_wire.answer(service, relay.unwrap(request), limit_bytes)
    except InputError as error:
        response = ai_wire.failure(error)
    if response.status >= 400:  # the body may be a stream that nobody has read
        await exchange.discard_request()
    await exchange.respond(response.status, response.headers, response.body)


async def _answer_local_ai(service: AiService, metrics: Metrics, exchange: Exchange, request: FetchRequest) -> None:
    name = urlsplit(request.url).path.removeprefix(local_ai.PREFIX)
    response = await local_ai.answer(service, metrics, request, name)
    if response.status >= 400:
        await exchange.discard_request()
    await exchange.respond(response.status, response.headers, response.body)


async def _answer_description(service: AiService, exchange: Exchange) -> None:
    """The OpenAPI document of the REST API."""
    # Checks every model's schema: work for a thread, not for the loop that everybody's streams run on.
    document = await asyncio.to_thread(openapi.describe, service.catalog)
    body = msgspec.json.encode(document)
    await exchange.respond(200, (("content-type", "application/json"),), body)


def _production(error: PaddockError) -> int | None:
    """The number of the page that production answers with. Source: developer docs, Workers errors."""
    if isinstance(error, LimitExceeded):
        return 1102
    return 1101 if isinstance(error, HandlerImportError | IsolateError) else None
