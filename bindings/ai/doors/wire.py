"""The wire of workerd's own AI binding: the door that the isolate's `env.AI` and real workerd come in by.

Source: workerd, `cloudflare-internal:ai-api`; WA-093 to WA-104. The model stands in a header only, answers are bare
results, and a JSON answer has the content type `application/json` to the letter: the client decides by it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from paddock.bindings.ai import sse
from paddock.bindings.ai.doors.failure import description, failure_headers, full_message
from paddock.bindings.ai.doors.inputs import parse_json
from paddock.bindings.ai.listing import ModelQuery, search
from paddock.bindings.binding import FetchResponse
from paddock.bindings.errors import IncompleteRequest, PaddockError

if TYPE_CHECKING:
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import FetchRequest

__all__ = ["JSON", "answer"]

JSON: Final = ("content-type", "application/json")
_MODEL_HEADER: Final = "cf-consn-model-id"


class _Run(msgspec.Struct):
    inputs: object
    options: dict[str, object] = {}


async def answer(service: AiService, request: FetchRequest, limit_bytes: int) -> FetchResponse:
    """Answer one request of the binding."""
    url = urlsplit(request.url)
    if request.method == "POST" and url.path == "/run":
        return await _run(service, request, limit_bytes)
    if request.method == "GET" and url.path == "/ai-api/models/search":
        return _search(service, parse_qsl(url.query))
    return _refusal(404, 7000, f"No route for {request.method} {url.path}")


def _search(service: AiService, query: list[tuple[str, str]]) -> FetchResponse:
    try:
        page = search(service, ModelQuery.from_pairs(query))
    except PaddockError as error:
        return _refusal(error.status, error.internal_code, description(error))
    return FetchResponse(200, (JSON,), msgspec.json.encode({"success": True, "result": page, "errors": []}))


def _refusal(status: int, code: int, message: str) -> FetchResponse:
    """The body from which the binding's other calls make their exceptions: `errors[0].message` (WA-104)."""
    body = {"success": False, "errors": [{"code": code, "message": message}]}
    return FetchResponse(status, (JSON,), msgspec.json.encode(body))


async def _run(service: AiService, request: FetchRequest, limit_bytes: int) -> FetchResponse:
    request_id = str(uuid.uuid4())
    try:
        model = _model(request)
        body = msgspec.convert(parse_json(await request.read(limit_bytes)), _Run)
        result = await service.run(model, body.inputs, request.calls)
    except msgspec.ValidationError as error:
        return _failure(IncompleteRequest(f"Request body: expected inputs and options; {error}"), request_id)
    except PaddockError as error:
        return _failure(error, request_id)
    headers = (("cf-ai-req-id", request_id), *result.headers)
    if result.events is not None:
        return FetchResponse(200, (("content-type", sse.CONTENT_TYPE), *headers), result.events)
    return FetchResponse(200, (JSON, *headers), msgspec.json.encode(result.output))


def _model(request: FetchRequest) -> str:
    """The model id of the header, without the prefix that `options.prefix` puts before it (WA-095)."""
    header = request.header(_MODEL_HEADER)
    if not header:
        raise IncompleteRequest(f"Request is missing headers or body: {_MODEL_HEADER}")
    prefix, colon, rest = header.partition(":")
    return rest if colon and "@" not in prefix and rest.startswith("@") else header


def _failure(error: PaddockError, request_id: str) -> FetchResponse:
    """The flat body from which the binding makes its exception: `internalCode: description` (WA-102)."""
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
