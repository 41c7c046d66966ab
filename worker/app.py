"""The ASGI app: reserved paths to Paddock's own doors, everything else to the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from paddock.bindings.ai.doors import envelope, openai, openapi, rest
from paddock.bindings.ai.doors.access import OPEN
from paddock.bindings.ai.doors.finetunes import MAX_UPLOAD_BYTES
from paddock.worker import answers, local_ai, relay, triggers
from paddock.worker.addressees import Addressees
from paddock.worker.answers import Front
from paddock.worker.door import Door, DoorOptions
from paddock.worker.errorpage import ErrorPages
from paddock.worker.guard import RESERVED, Guard
from paddock.worker.metrics import Metrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from paddock.bindings.ai.doors.access import Access
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.assets.binding import AssetsBinding
    from paddock.bindings.binding import FetchRequest
    from paddock.worker.http import Exchange
    from paddock.worker.supervisor import Supervisor
    from paddock.worker.tracing import Tracing

__all__ = ["make_app"]


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
    options = DoorOptions(limit_bytes, colour, tracing, pages or ErrorPages(), front.names_requests)

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
        if reason:
            await answers.refuse(exchange, reason)
        else:
            await answers.answer_binding(service, limit_bytes, exchange, request)

    async def answer_client(exchange: Exchange, request: FetchRequest) -> None:
        asset = None if assets is None else await assets.route(request)
        if asset is None:
            await answers.answer_event(supervisor, exchange, request, front)
            return
        await exchange.discard_request()
        await exchange.respond(asset.status, asset.headers, asset.body)

    worker = Door(answer_client, options, takes_sockets=True)
    api = Door(answer_rest, options)
    uploads = Door(answer_rest, options._replace(limit_bytes=MAX_UPLOAD_BYTES))
    binding = Door(answer_binding, options)
    description = Door(lambda exchange, _: answers.answer_description(service, exchange), options)
    local = Door(lambda exchange, request: answers.answer_local_ai(service, counted, exchange, request), options)

    events = Door(lambda exchange, request: answers.answer_trigger(to, exchange, request), options)

    own = dict.fromkeys((local_ai.PREFIX + name for name in local_ai.PATHS), local) | {openapi.PATH: description}
    own |= dict.fromkeys(triggers.PATHS, events)
    own |= {old: Door(answers.move, options) for old in triggers.MOVED}
    if front.tests_scheduled:
        own[triggers.TEST_PATH] = Door(
            lambda exchange, request: answers.answer_test_scheduled(to, exchange, request), options
        )

    relayed = relay.Relay(binding)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Without Starlette's application and routes: the HTTP server and the doors have its error pages, and routes
        # match decoded paths with `.`, which is no line break, and any path may hold one.
        if scope["type"] == "lifespan":
            await _stay(receive, send)
            return
        path = scope["path"]
        door: ASGIApp
        if relayed.takes(scope):  # which has a guard of its own
            door = relayed
        elif path.startswith(RESERVED) and (reason := _refusal(front.guard, scope)):
            door = Door(lambda exchange, _: answers.refuse(exchange, reason), options, takes_sockets=True)
        elif path.startswith(rest.PREFIX):
            door = uploads if rest.UPLOAD.fullmatch(path) else api
        else:
            door = own.get(path, worker)
        await door(scope, receive, send)

    return app


async def _stay(receive: Receive, send: Send) -> None:
    """Nothing begins or ends with the HTTP server. Source: ASGI specification, lifespan protocol."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _refusal(guard: Guard, scope: Scope) -> str:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return guard.refusal(headers.get(b"host"), headers.get(b"origin"))
