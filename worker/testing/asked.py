"""Requests of `env.AI` as a test learns of them: what they ask for beside model and inputs, and what answers say."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from paddock.bindings.binding import FetchRequest

if TYPE_CHECKING:
    from paddock.bindings.binding import FetchResponse
    from paddock.bindings.host import BindingsHost

__all__ = ["ASKED", "AskedRequest", "answered"]

#: Headers that are the binding's own; the others are `extraHeaders` of the handler.
_OWN_HEADERS: Final = frozenset({"content-type", "content-length", "cf-consn-sdk-version", "cf-consn-model-id"})
#: What the query says besides, where the inputs are a body that streams.
_OWN_QUERY: Final = frozenset({"version", "userInputs"})


class AskedRequest(FetchRequest):
    """As `FetchRequest`; it remembers what was read of it, and the head of its answer."""

    def __init__(self, request: FetchRequest, worker: str) -> None:
        super().__init__(request.method, request.url, request.headers, request.body, request.calls, request.redirect)
        self.request_id = request.request_id
        self.worker = worker
        self.response: FetchResponse | None = None
        self._read = b""

    async def read(self, limit_bytes: int) -> bytes:
        """As in `FetchRequest`."""
        self._read = await super().read(limit_bytes)
        return self._read

    @property
    def options(self) -> dict[str, Any]:
        """The third argument of `run`, without what the binding keeps to itself."""
        query = dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))
        if "userInputs" in query:
            return {name: value for name, value in query.items() if name not in _OWN_QUERY}
        try:
            body = msgspec.json.decode(self._read)
        except msgspec.DecodeError:
            return {}  # refused as what it is
        options = body.get("options") if isinstance(body, dict) else None
        return options if isinstance(options, dict) else {}

    @property
    def extra_headers(self) -> dict[str, str]:
        """By lower-case names."""
        return {name: value for name, value in self.headers if name not in _OWN_HEADERS}

    def answered_with(self, name: str) -> str:
        """A header of the answer; empty where it has none."""
        headers = self.response.headers if self.response is not None else ()
        return next((value for other, value in headers if other == name), "")


#: The request that the running task answers.
ASKED: Final[ContextVar[AskedRequest | None]] = ContextVar("asked_request", default=None)


async def answered(bindings: BindingsHost, name: str, request: FetchRequest, worker: str) -> FetchResponse:
    """What the AI binding of this name answers to a request."""
    asked = AskedRequest(request, worker)
    ASKED.set(asked)
    asked.response = await bindings.fetch(name, asked)
    return asked.response
