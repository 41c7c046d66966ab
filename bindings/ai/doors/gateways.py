"""The binding's AI Gateway routes: `gateway(id).getUrl`, `getLog`, `patchLog` and `run`.

Source: workerd, `cloudflare-internal:aig-api`; developer docs, AI Gateway, universal endpoint; WA-099, WA-108.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import msgspec

from paddock.bindings.ai import sse
from paddock.bindings.ai.doors.failure import description
from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.ai.doors.replies import api_failure, api_success
from paddock.bindings.ai.gateway import PROVIDER, GatewayEntry, GatewayOptions, LogPatch, Metadata
from paddock.bindings.binding import FetchResponse
from paddock.bindings.errors import InputError, OptionUnsupported, PaddockError

if TYPE_CHECKING:
    from paddock.bindings.ai.gateway import GatewayLog
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import CallRecord, FetchRequest

__all__ = ["PREFIXES", "answer", "logged"]

PREFIXES: Final = ("/ai-gateway/gateways/", "/ai-gateway/universal/")
_URL: Final = re.compile(r"/ai-gateway/gateways/([^/]+)/url/([^/]+)")
_LOG: Final = re.compile(r"/ai-gateway/gateways/([^/]+)/logs/([^/]+)")
_UNIVERSAL: Final = re.compile(r"/ai-gateway/universal/run/([^/]+)")
#: Production's form, with a placeholder for the account. It is an address of Cloudflare's: nothing local answers it.
_ADDRESS: Final = "https://gateway.ai.cloudflare.com/v1/local/{gateway}/{provider}"
#: Source: developer docs, AI Gateway: number of the step that answered, counted from 0.
_STEP_HEADER: Final = "cf-aig-step"
_LOG_HEADER: Final = "cf-aig-log-id"


class _Step(msgspec.Struct):
    """One request of a universal run."""

    provider: str
    endpoint: str
    query: object
    headers: dict[str, object] = {}


async def answer(service: AiService, request: FetchRequest, limit_bytes: int) -> FetchResponse:
    """Answer one request below PREFIXES. Raises PaddockError for what is wrong with it."""
    path = urlsplit(request.url).path
    if match := _URL.fullmatch(path):
        gateway, provider = match.groups()
        address = _ADDRESS.format(gateway=gateway, provider="" if provider == "universal" else provider)
        return api_success({"url": address})
    if match := _LOG.fullmatch(path):
        gateway, log_id = (unquote(text) for text in match.groups())
        return await _log(service.gateway_log, request, gateway, log_id, limit_bytes)
    match = _UNIVERSAL.fullmatch(path)
    if match and request.method == "POST":
        return await _universal(service, request, unquote(match[1]), limit_bytes)
    return api_failure(404, 7000, f"No route for {request.method} {path}")


def logged(log: GatewayLog, entry: GatewayEntry, response: FetchResponse) -> FetchResponse:
    """The same answer with its log id. Runs that asked not to be logged are answered as they are."""
    if not entry.options.collect_log:
        return response
    entry.status_code = response.status
    entry.response_content_type = dict(response.headers)["content-type"]
    entry.response_bytes = len(response.body) if isinstance(response.body, bytes) else 0
    log.add(entry)
    return FetchResponse(response.status, (*response.headers, (_LOG_HEADER, entry.id)), response.body)


async def _log(log: GatewayLog, request: FetchRequest, gateway: str, log_id: str, limit_bytes: int) -> FetchResponse:
    entry = log.find(gateway, log_id)
    if entry is None:
        return api_failure(404, 7002, "Log Not Found")
    if request.method == "PATCH":
        try:
            entry.change(msgspec.convert(parse_json(await request.read(limit_bytes)), LogPatch))
        except msgspec.ValidationError as error:
            raise InputError(f"Error: {error}") from error
    return api_success(entry.as_result())


async def _universal(service: AiService, request: FetchRequest, gateway: str, limit_bytes: int) -> FetchResponse:
    """Try the steps in their order; the first that succeeds is the answer, else the last failure is."""
    body = await request.read(limit_bytes)
    try:
        steps = msgspec.convert(parse_json(body), list[_Step])
        metadata = msgspec.json.decode(request.header("cf-aig-metadata") or "null", type=Metadata | None)
    except msgspec.DecodeError as error:
        raise InputError(f"Error: {error}") from error
    is_logged = request.header("cf-aig-collect-log") != "false"
    options = GatewayOptions(gateway, metadata, is_logged, request.header("cf-aig-event-id"))
    response = api_failure(400, InputError.internal_code, "Error: expected at least one request; got none")
    for number, step in enumerate(steps):
        before = len(request.calls)
        response = await _attempt(service, step, number, request.calls)
        # A run appends its record at once; an event of a handler may have had more runs since.
        record = request.calls[before] if step.provider == PROVIDER else None
        entry = GatewayEntry(options=options, model=step.endpoint, request_bytes=len(body), record=record, step=number)
        response = logged(service.gateway_log, entry, response)
        if response.status == 200:
            break
    return response


async def _attempt(service: AiService, step: _Step, number: int, calls: list[CallRecord]) -> FetchResponse:
    """One step, answered as Cloudflare's REST API would answer it."""
    headers = ((_STEP_HEADER, str(number)),)
    try:
        if step.provider != PROVIDER:
            raise OptionUnsupported(f"provider {step.provider}: Paddock runs models of {PROVIDER} only")
        result = await service.run(step.endpoint, step.query, calls)
    except PaddockError as error:
        return api_failure(error.status, error.internal_code, description(error), headers)
    if result.events is not None:
        return FetchResponse(200, (("content-type", sse.CONTENT_TYPE), *headers, *result.headers), result.events)
    return api_success(result.output, (*headers, *result.headers))
