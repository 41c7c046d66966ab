"""What OpenAI's clients look for in a failure, beside Cloudflare's envelope.

Production sends the envelope alone on most of these paths, and then OpenAI's JavaScript SDK says "400 status code (no
body)", and the AI SDK says nothing. So the same code and text stand in OpenAI's `error` as well. It repeats `errors`,
because OpenAI's Python SDK shows its users the inside of `error` where there is one, else the whole body.
Source: the clients; OpenAI's API reference, error codes; WA-113.
"""

from __future__ import annotations

from typing import Final

import msgspec

from paddock.bindings.binding import FetchResponse

__all__ = ["explained"]

_TYPES: Final = {401: "authentication_error", 429: "rate_limit_error"}


class _Error(msgspec.Struct, frozen=True):
    code: int
    message: str


class _Envelope(msgspec.Struct, frozen=True):
    errors: list[_Error]


def explained(response: FetchResponse) -> FetchResponse:
    """A failure in Cloudflare's envelope, with `error` added; any other answer as it is."""
    if response.status < 400 or not isinstance(response.body, bytes):
        return response
    body: dict[str, object] = msgspec.json.decode(response.body)
    errors = msgspec.convert(body, _Envelope).errors
    kind = "server_error" if response.status >= 500 else _TYPES.get(response.status, "invalid_request_error")
    error = {"message": errors[0].message, "type": kind, "param": None, "code": str(errors[0].code), "errors": errors}
    return FetchResponse(response.status, response.headers, msgspec.json.encode(body | {"error": error}))
