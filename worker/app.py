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
    options = DoorOptions(limit_bytes, colour, tracing, pages or ErrorPages(), front.names_requests)
    behind = _Answers(supervisor, service, limit_bytes, access, front, assets)
    worker = Door(behind.worker, options, takes_sockets=True)
    api, uploads = Door(behind.rest, options), Door(behind.rest, options._replace(limit_bytes=MAX_UPLOAD_BYTES))
    relayed = relay.Relay(Door(behind.binding, options))
    own = _own_doors(service, metrics or Metrics(), addressees or Addressees(supervisor.current), options)
    if not front.tests_scheduled:
        del own[triggers.TEST_PATH]

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


class _Answers:
    """What stands behind the doors that take whole families of paths."""

    def __init__(
        self,
        supervisor: Supervisor,
        service: AiService,
        limit_bytes: int,
        access: Access,
        front: Front,
        assets: AssetsBinding | None,
    ) -> None:
        self._supervisor = supervisor
        self._service = service
        self._limit_bytes = limit_bytes
        self._access = access
        self._front = front
        self._assets = assets

    async def worker(self, exchange: Exchange, request: FetchRequest) -> None:
        """An event, unless static files answer it."""
        asset = None if self._assets is None else await self._assets.route(request)
        if asset is None:
            await answers.answer_event(self._supervisor, exchange, request, self._front)
            return
        await exchange.discard_request()
        await exchange.respond(asset.status, asset.headers, asset.body)

    async def rest(self, exchange: Exchange, request: FetchRequest) -> None:
        """Cloudflare's REST API, and OpenAI's below it."""
        answer = openai.answer if openai.PATH.fullmatch(urlsplit(request.url).path) else rest.answer
        response = await answer(self._service, request, self._limit_bytes, self._access)
        await exchange.respond(response.status, response.headers, response.body)

    async def binding(self, exchange: Exchange, request: FetchRequest) -> None:
        """The wire of the AI binding, for other runtimes."""
        # Of the ways to it, the one through the REST API alone brings a token.
        if urlsplit(request.url).path.startswith(rest.PREFIX) and not self._access.admits(request):
            response = envelope.authentication_failure()
            await exchange.respond(response.status, response.headers, response.body)
            return
        guard = self._front.guard
        reason = guard.refusal(request.header("host"), request.header("origin"), own_host=relay.HOST)
        if reason:
            await answers.refuse(exchange, reason)
        else:
            await answers.answer_binding(self._service, self._limit_bytes, exchange, request)


def _own_doors(service: AiService, metrics: Metrics, to: Addressees, options: DoorOptions) -> dict[str, Door]:
    """Paddock's own paths."""
    local = Door(lambda exchange, request: answers.answer_local_ai(service, metrics, exchange, request), options)
    events = Door(lambda exchange, request: answers.answer_trigger(to, exchange, request), options)
    test = Door(lambda exchange, request: answers.answer_test_scheduled(to, exchange, request), options)
    return {
        openapi.PATH: Door(lambda exchange, _: answers.answer_description(service, exchange), options),
        triggers.TEST_PATH: test,
        **dict.fromkeys((local_ai.PREFIX + name for name in local_ai.PATHS), local),
        **dict.fromkeys(triggers.PATHS, events),
        **dict.fromkeys(triggers.MOVED, Door(answers.move, options)),
    }


async def _stay(receive: Receive, send: Send) -> None:
    """Nothing begins or ends with the HTTP server. Source: ASGI specification, lifespan protocol."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _refusal(guard: Guard, scope: Scope) -> str:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return guard.refusal(headers.get(b"host"), headers.get(b"origin"))
