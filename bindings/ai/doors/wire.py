"""The wire of workerd's own AI binding: the door that the isolate's `env.AI` and real workerd come in by.

Source: workerd, `cloudflare-internal:ai-api`; WA-093 to WA-109. The model stands in a header only, answers are bare
results, and a JSON answer has the content type `application/json` to the letter: the client decides by it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

from paddock.bindings.ai import sse
from paddock.bindings.ai.admission import admit
from paddock.bindings.ai.doors import conversion, gateways
from paddock.bindings.ai.doors.envelope import JSON
from paddock.bindings.ai.doors.failure import description, failure_headers, full_message
from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.ai.doors.replies import api_failure, api_success
from paddock.bindings.ai.doors.streamed import LIMIT_BYTES, read_inputs
from paddock.bindings.ai.gateway import GatewayEntry, GatewayOptions
from paddock.bindings.ai.listing import ModelQuery, search
from paddock.bindings.binding import FetchResponse
from paddock.bindings.errors import IncompleteRequest, OptionUnsupported, PaddockError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import FetchRequest

__all__ = ["JSON", "answer", "failure", "refuse_upgrade"]

_MODEL_HEADER: Final = "cf-consn-model-id"
#: What workerd has sent so far. A newer protocol must not be taken for one of these.
_VERSIONS: Final = ("2", "3")
_NO_WEBSOCKETS: Final = "options.websocket: Paddock serves no WebSockets; none of its models takes one"
_RUN: Final = "/run"
_GATEWAY_RUN: Final = "/ai-gateway/run"
_TO_MARKDOWN: Final = "/to-everything/markdown/transformer"
_MARKDOWN_FORMATS: Final = "/to-everything/markdown/supported"
#: Where a refusal names what is missing, and why.
_REFUSED: Final = {
    "/autorag/": "AutoRAG is a search over data that is stored at Cloudflare: Paddock has none",
}


class _Call(NamedTuple):
    """A run as it was asked for."""

    model: str
    inputs: object
    gateway: GatewayOptions | None
    body_bytes: int
    #: The third argument of `run`, or the query.
    options: Mapping[str, object]


class _Body(msgspec.Struct):
    inputs: object
    options: dict[str, object] | None = None


async def answer(service: AiService, request: FetchRequest, limit_bytes: int) -> FetchResponse:
    """Answer one request of the binding."""
    path = urlsplit(request.url).path
    if path in (_RUN, _GATEWAY_RUN):
        return await _run(service, request, limit_bytes)
    try:
        if request.method == "GET" and path == "/ai-api/models/search":
            return api_success(search(service, ModelQuery.from_pairs(parse_qsl(urlsplit(request.url).query))))
        if request.method == "GET" and path == _MARKDOWN_FORMATS:
            return api_success(service.markdown.supported())
        if request.method == "POST" and path == _TO_MARKDOWN:
            wanted = conversion.from_json(await request.read(limit_bytes))
            return api_success(await service.markdown.transform(wanted.documents, wanted.options))
        if path.startswith(gateways.PREFIXES):
            return await gateways.answer(service, request, limit_bytes)
    except PaddockError as error:
        return api_failure(error.status, error.internal_code, description(error))
    for prefix, reason in _REFUSED.items():
        if path.startswith(prefix):
            return api_failure(501, OptionUnsupported.internal_code, reason)
    return api_failure(404, 7000, f"No route for {request.method} {path}")


def failure(error: PaddockError, request_id: str = "") -> FetchResponse:
    """The flat body from which the binding makes its exception: `internalCode: description` (WA-102)."""
    request_id = request_id or str(uuid.uuid4())
    described = description(error)
    body = {
        "name": "AiError",
        "internalCode": error.internal_code,
        "httpCode": error.status,
        "message": full_message(error, described, request_id),
        "description": described,
        "requestId": request_id,
    }
    return FetchResponse(error.status, (JSON, *failure_headers(error, request_id)), msgspec.json.encode(body))


def refuse_upgrade() -> FetchResponse:
    """The answer to an upgrade to WebSocket: an ordinary response with the reason (WA-109)."""
    return failure(OptionUnsupported(_NO_WEBSOCKETS))


async def _run(service: AiService, request: FetchRequest, limit_bytes: int) -> FetchResponse:
    """Run a model. A run that names a gateway is logged, and its answer says under which id (WA-099)."""
    request_id = str(uuid.uuid4())
    call = None
    number = 0
    try:
        call = await _read(service, request, limit_bytes)
        if (batch := await admit(service, call.model, call.inputs, call.options)) is not None:
            return FetchResponse(200, (JSON, ("cf-ai-req-id", request_id)), msgspec.json.encode(batch))
        number = len(request.calls)
        result = await service.run(call.model, call.inputs, request.calls, keep_alive=call.options.get("keep_alive"))
        headers = (("cf-ai-req-id", request_id), *result.headers)
        if result.events is not None:
            response = FetchResponse(200, (("content-type", sse.CONTENT_TYPE), *headers), result.events)
        else:
            response = FetchResponse(200, (JSON, *headers), msgspec.json.encode(result.output))
    except PaddockError as error:
        response = failure(error, request_id)
    if call is None or call.gateway is None:
        return response
    # The run appended its record at once; an event of a handler may have had more runs since.
    record = request.calls[number]
    entry = GatewayEntry(options=call.gateway, model=call.model, request_bytes=call.body_bytes, record=record)
    return gateways.logged(service.gateway_log, entry, response)


async def _read(service: AiService, request: FetchRequest, limit_bytes: int) -> _Call:
    url = urlsplit(request.url)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    if (request.header("upgrade") or "").lower() == "websocket":
        raise OptionUnsupported(_NO_WEBSOCKETS)
    if request.method != "POST":
        raise IncompleteRequest(f"Request: expected POST {url.path}; got {request.method}")
    if query.get("version", _VERSIONS[-1]) not in _VERSIONS:
        raise OptionUnsupported(f"version: expected one of {', '.join(_VERSIONS)}; got {query['version']!r}")
    model = _model(request)
    if "userInputs" in query:
        # Before the body is read: a model that cannot run here is no reason to take in a film.
        card = service.runnable(model)
        body = await request.read(min(limit_bytes, LIMIT_BYTES))
        inputs = read_inputs(card, query["userInputs"], request.header("content-type") or "", body)
        return _Call(model, inputs, None, len(body), query)
    body = await request.read(limit_bytes)
    try:
        decoded = msgspec.convert(parse_json(body), _Body)
        gateway = (decoded.options or {}).get("gateway") if url.path == _GATEWAY_RUN else None
        options = None if gateway is None else msgspec.convert(gateway, GatewayOptions)
    except msgspec.ValidationError as error:
        raise IncompleteRequest(f"Request body: expected inputs and options; {error}") from error
    return _Call(model, decoded.inputs, options, len(body), decoded.options or {})


def _model(request: FetchRequest) -> str:
    """The model id of the header, without the prefix that `options.prefix` puts before it (WA-095)."""
    header = request.header(_MODEL_HEADER)
    if not header:
        raise IncompleteRequest(f"Request is missing headers or body: {_MODEL_HEADER}")
    prefix, colon, rest = header.partition(":")
    return rest if colon and "@" not in prefix and rest.startswith("@") else header
