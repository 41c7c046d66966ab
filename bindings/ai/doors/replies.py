"""Answers in Cloudflare's envelope, as the binding's routes beside `run` give them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec

from paddock.bindings.ai.doors.envelope import JSON
from paddock.bindings.binding import FetchResponse

if TYPE_CHECKING:
    from paddock.bindings.binding import Headers

__all__ = ["api_failure", "api_success"]


def api_success(result: object, headers: Headers = ()) -> FetchResponse:
    """Status 200 and the result."""
    body = {"result": result, "success": True, "errors": [], "messages": []}
    return FetchResponse(200, _headed(headers), msgspec.json.encode(body))


def api_failure(status: int, code: int, message: str, headers: Headers = ()) -> FetchResponse:
    """One error. The binding shows its message; `result` is an empty list for those that read it all the same."""
    body = {"result": [], "success": False, "errors": [{"code": code, "message": message}], "messages": []}
    return FetchResponse(status, _headed(headers), msgspec.json.encode(body))


def _headed(headers: Headers) -> Headers:
    has_id = any(name == "cf-ai-req-id" for name, _ in headers)
    return (JSON, *headers) if has_id else (JSON, ("cf-ai-req-id", str(uuid.uuid4())), *headers)
