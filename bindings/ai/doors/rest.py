"""Cloudflare's REST API for Workers AI, below `/client/v4/accounts/{account}`.

Source: developer docs, API reference; captured replies; WA-112 to WA-126. Success and failure travel in Cloudflare's
envelope, streams do not.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from paddock.bindings.ai import sse
from paddock.bindings.ai.doors.failure import description, failure_headers, full_message
from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.ai.doors.wire import JSON
from paddock.bindings.ai.listing import ModelQuery, schemas, search
from paddock.bindings.binding import FetchResponse
from paddock.bindings.errors import PaddockError

if TYPE_CHECKING:
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import FetchRequest

__all__ = ["PREFIX", "answer"]

PREFIX: Final = "/client/v4/"
_ROUTE: Final = re.compile(r"/client/v4/accounts/(?P<account>[^/]+)/ai/(?P<rest>.+)")


async def answer(service: AiService, request: FetchRequest, limit_bytes: int) -> FetchResponse:
    """Answer one request whose path starts with PREFIX."""
    url = urlsplit(request.url)
    match = _ROUTE.fullmatch(url.path)
    if match is None:
        return _platform_failure(404, 7000, "No route for that URI")
    rest = match["rest"]
    if rest.startswith("run/"):
        if request.method != "POST":
            return _platform_failure(405, 7001, f"{request.method} not supported for requested URI.")
        return await _run(service, request, unquote(rest.removeprefix("run/")), limit_bytes)
    if rest not in ("models/search", "models/schema"):
        return _platform_failure(404, 7000, "No route for that URI")
    if request.method != "GET":
        return _platform_failure(405, 7001, f"{request.method} not supported for requested URI.")
    query = parse_qsl(url.query)
    try:
        if rest == "models/schema":
            return _success(schemas(service, dict(query).get("model", "")))
        return _success(search(service, ModelQuery.from_pairs(query)))
    except PaddockError as error:
        return _failure(error, str(uuid.uuid4()))


async def _run(service: AiService, request: FetchRequest, model: str, limit_bytes: int) -> FetchResponse:
    request_id = str(uuid.uuid4())
    try:
        inputs = parse_json(await request.read(limit_bytes))
        result = await service.run(model, inputs, request.calls)
    except PaddockError as error:
        return _failure(error, request_id)
    headers = (("cf-ai-req-id", request_id), *result.headers)
    if result.events is not None:
        return FetchResponse(200, (("content-type", sse.CONTENT_TYPE), *headers), result.events)
    return _success(result.output, headers)


def _success(result: object, headers: tuple[tuple[str, str], ...] = ()) -> FetchResponse:
    body = {"result": result, "success": True, "errors": [], "messages": []}
    return FetchResponse(200, (JSON, *headers), msgspec.json.encode(body))


def _failure(error: PaddockError, request_id: str) -> FetchResponse:
    errors = [{"message": full_message(error, description(error), request_id), "code": error.internal_code}]
    body = {"errors": errors, "success": False, "result": {}, "messages": []}
    return FetchResponse(error.status, (JSON, *failure_headers(error, request_id)), msgspec.json.encode(body))


def _platform_failure(status: int, code: int, message: str) -> FetchResponse:
    body = {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}
    return FetchResponse(status, (JSON,), msgspec.json.encode(body))
