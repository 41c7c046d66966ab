"""Cloudflare's envelope around results and failures of its REST API, with the key order of captured replies.

Source: captured replies; WA-112 to WA-114. The API's front end (routes, methods, tokens) and the AI service behind it
write failures differently: `result` is null in one and an empty object in the other, and the keys change places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from paddock.bindings.ai.doors.failure import description, failure_headers, full_message
from paddock.bindings.binding import FetchResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paddock.bindings.ai.listing import Page
    from paddock.bindings.binding import Headers
    from paddock.bindings.errors import PaddockError

__all__ = ["JSON", "authentication_failure", "failure", "page", "platform_failure", "success", "wrong_method"]

#: To the letter: the AI binding takes anything else for a stream (WA-096).
JSON: Final = ("content-type", "application/json")


def success(result: object, headers: Headers = ()) -> FetchResponse:
    """A result in its envelope."""
    body = {"result": result, "success": True, "errors": [], "messages": []}
    return FetchResponse(200, (JSON, *headers), msgspec.json.encode(body))


def page(found: Page) -> FetchResponse:
    """One page of a list, with what a pager needs to know of the others."""
    info = {
        "page": found.number,
        "per_page": found.per_page,
        "count": len(found.items),
        "total_count": found.total,
        "total_pages": -(-found.total // found.per_page),
    }
    body = {"result": found.items, "success": True, "errors": [], "messages": [], "result_info": info}
    return FetchResponse(200, (JSON,), msgspec.json.encode(body))


def failure(error: PaddockError, request_id: str) -> FetchResponse:
    """A failure of the AI service: production's number and text, and the request's id in both body and header."""
    errors = [{"message": full_message(error, description(error), request_id), "code": error.internal_code}]
    body = {"errors": errors, "success": False, "result": {}, "messages": []}
    return FetchResponse(error.status, (JSON, *failure_headers(error, request_id)), msgspec.json.encode(body))


def platform_failure(status: int, code: int, message: str, headers: Headers = ()) -> FetchResponse:
    """A failure of the API's front end."""
    body = {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}
    return FetchResponse(status, (JSON, *headers), msgspec.json.encode(body))


def wrong_method(method: str, allowed: Iterable[str]) -> FetchResponse:
    """What a path says to a method that it does not know; to OPTIONS, just which it knows."""
    header = ("allow", ", ".join((*allowed, "OPTIONS")))
    if method == "OPTIONS":
        return FetchResponse(204, (header,))
    return platform_failure(405, 7001, f"{method} not supported for requested URI.", (header,))


def authentication_failure() -> FetchResponse:
    """What a request without the right token gets, whatever it asked for (WA-117)."""
    return platform_failure(401, 10000, "Authentication error")
