"""What every door says about a failure, before it puts its own envelope around it."""

from __future__ import annotations

import logging
import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paddock.bindings.binding import Headers
    from paddock.bindings.errors import PaddockError

__all__ = ["description", "failure_headers", "full_message"]

logger = logging.getLogger(__name__)

_TOO_MANY: Final = 429
#: Seconds; the SDKs wait that long before they try again. A local queue of text generation is soon shorter.
_RETRY_AFTER_S: Final = 1


def description(error: PaddockError) -> str:
    """Production's text, or one line of ours. What the operator must see beyond that is logged here, once."""
    if error.actor != "user":
        logger.error("ai_failed code=%s %s", error.code, error)
    return error.message.partition("\n")[0].removesuffix(" Its last output:")


def full_message(error: PaddockError, described: str, request_id: str) -> str:
    """Production's message: `AiError: <prefix>: <description> (<request id>)`."""
    return f"AiError: {error.label}: {described} ({request_id})"


def failure_headers(error: PaddockError, request_id: str) -> Headers:
    """The request id, and our own words, which must not alter production's text, in headers beside it."""
    headers: Headers = (("cf-ai-req-id", request_id), ("paddock-error", error.code))
    if error.status == _TOO_MANY or error.retry_after_s is not None:
        headers = (*headers, ("retry-after", str(max(_RETRY_AFTER_S, math.ceil(error.retry_after_s or 0)))))
    if not error.hint:
        return headers
    hint = re.sub(r"[\x00-\x20\x7f]+", " ", error.hint).encode("ascii", "backslashreplace").decode()
    return (*headers, ("paddock-hint", hint))
