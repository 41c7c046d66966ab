"""What stands behind the doors: each of these answers one kind of request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from paddock.bindings.ai.doors import openapi
from paddock.bindings.ai.doors import wire as ai_wire
from paddock.bindings.errors import InputError
from paddock.worker import local_ai, relay, triggers, wire
from paddock.worker.errors import WorkerRestarted
from paddock.worker.guard import Guard
from paddock.worker.http import Exchange, text_headers
from paddock.worker.peer import PeerFault
from paddock.worker.upstream import Upstream

if TYPE_CHECKING:
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import FetchRequest
    from paddock.worker.addressees import Addressees
    from paddock.worker.metrics import Metrics
    from paddock.worker.peer import Answer
    from paddock.worker.supervisor import Supervisor

__all__ = [
    "Front",
    "answer_binding",
    "answer_description",
    "answer_event",
    "answer_local_ai",
    "answer_test_scheduled",
    "answer_trigger",
    "move",
    "refuse",
]


class Front(NamedTuple):
    """What requests meet before the worker does."""

    guard: Guard = Guard()
    upstream: Upstream = Upstream()
    #: Whether `/__scheduled` is ours.
    tests_scheduled: bool = False
    #: Whether the log says which request a line belongs to.
    names_requests: bool = False


async def refuse(exchange: Exchange, reason: str) -> None:
    await exchange.discard_request()
    await exchange.respond(403, text_headers(), reason.encode())


async def move(exchange: Exchange, request: FetchRequest) -> None:
    """An older path: to the newer one, with method, body and query."""
    url = urlsplit(request.url)
    target = triggers.MOVED[unquote(url.path)] + (f"?{url.query}" if url.query else "")
    await exchange.discard_request()
    await exchange.respond(308, text_headers(("location", target)), b"")


async def answer_test_scheduled(addressees: Addressees, exchange: Exchange, request: FetchRequest) -> None:
    response = await triggers.answer_test(addressees, request)
    await exchange.discard_request()
    await exchange.respond(response.status, response.headers, response.body)


async def answer_event(supervisor: Supervisor, exchange: Exchange, request: FetchRequest, front: Front) -> None:
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
        request_id=request.request_id,
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


async def answer_trigger(addressees: Addressees, exchange: Exchange, request: FetchRequest) -> None:
    """An event that is no request of the worker, triggered by hand."""
    response = await triggers.answer(addressees, request)
    if response.status >= 400:  # the body may be a stream that nobody has read
        await exchange.discard_request()
    await exchange.respond(response.status, response.headers, response.body)


async def answer_binding(service: AiService, limit_bytes: int, exchange: Exchange, request: FetchRequest) -> None:
    """A request of the AI binding of another runtime: the same protocol that the isolate's own binding speaks."""
    try:
        response = await ai_wire.answer(service, relay.unwrap(request), limit_bytes)
    except InputError as error:
        response = ai_wire.failure(error)
    if response.status >= 400:  # the body may be a stream that nobody has read
        await exchange.discard_request()
    await exchange.respond(response.status, response.headers, response.body)


async def answer_local_ai(service: AiService, metrics: Metrics, exchange: Exchange, request: FetchRequest) -> None:
    name = urlsplit(request.url).path.removeprefix(local_ai.PREFIX)
    response = await local_ai.answer(service, metrics, request, name)
    if response.status >= 400:
        await exchange.discard_request()
    await exchange.respond(response.status, response.headers, response.body)


async def answer_description(service: AiService, exchange: Exchange) -> None:
    """The OpenAPI document of the REST API."""
    # Checks every model's schema: work for a thread, not for the loop that everybody's streams run on.
    document = await asyncio.to_thread(openapi.describe, service.catalog)
    body = msgspec.json.encode(document)
    await exchange.respond(200, (("content-type", "application/json"),), body)
