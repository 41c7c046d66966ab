"""Request bodies as the doors read them."""

from __future__ import annotations

import msgspec

from paddock.bindings.errors import IncompleteRequest, InputError

__all__ = ["parse_json"]


def parse_json(body: bytes) -> object:
    """The JSON value of a body, whatever its content type says (WA-121)."""
    if not body:
        raise IncompleteRequest("Request is missing headers or body: body")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"Error: Request body is not valid json: {error}") from error
    except RecursionError as error:
        raise InputError("Error: Request body is not valid json: it is nested too deeply") from error
