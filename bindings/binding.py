"""What a binding is: a small app behind one method, `fetch`, as in workerd.

The same app answers an isolate over the channel and real workerd over HTTP, so it speaks in request and response heads
and bodies, never in Python values of the handler. What the handler sees is made in the isolate, by the stub of the same
name in `worker/isolate/bindings/`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

import msgspec

from paddock.bindings.errors import PaddockError, RequestTooLarge
from paddock.worker.channel import BodyBroken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from paddock.bindings.ai.price import Cost, TokenPrice
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.queues.broker import Broker
    from paddock.bindings.state import StateFolder
    from paddock.worker.channel import ByteSource

__all__ = [
    "Binding",
    "BindingContext",
    "CallRecord",
    "FetchRequest",
    "FetchResponse",
    "GeneratorSource",
    "Headers",
    "RequestCalls",
]

#: Names and values in wire order, repeats kept.
Headers = tuple[tuple[str, str], ...]


class CallRecord(msgspec.Struct):
    """One AI call of a request, filled in as the call proceeds; the request's log line reads it. Times in seconds."""

    model: str
    task: str = ""
    engine: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    #: Part of the prompt tokens: those that the engine's prefix cache held.
    cached_tokens: int = 0
    #: How long the recording was that was written down.
    audio_s: float = 0.0
    #: None for a model without a price that Paddock can reckon with.
    price: TokenPrice | None = None
    ttft_s: float | None = None
    duration_s: float = 0.0
    finish_reason: str = ""
    #: `ok`, `aborted`, or the code of the error.
    outcome: str = "ok"
    #: When it came: nanoseconds since 1970.
    started_ns: int = msgspec.field(default_factory=time.time_ns)
    #: Of the request that it belongs to, where the log names requests.
    request_id: str = ""

    @property
    def cost(self) -> Cost | None:
        """What the call would have cost in production so far; None when the model has no price."""
        if self.price is None:
            return None
        return self.price.cost(self.prompt_tokens, self.completion_tokens, self.cached_tokens, self.audio_s)


class RequestCalls(list[CallRecord]):
    """The AI calls of a request that the log names: each gets the request's id."""

    def __init__(self, request_id: str) -> None:
        super().__init__()
        self._request_id = request_id

    def append(self, record: CallRecord, /) -> None:
        record.request_id = self._request_id
        super().append(record)


class FetchRequest:
    """A request to a binding. Header names compare without case; `calls` collects what the binding did for the log.

    `redirect` is `follow` when a binding that redirects shall answer with what it redirects to, as a handler's fetch
    expects; else `manual`.
    """

    def __init__(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: bytes | ByteSource | None = None,
        calls: list[CallRecord] | None = None,
        redirect: str = "manual",
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.calls: list[CallRecord] = [] if calls is None else calls
        self.redirect = redirect
        #: What ties lines of the log to this request; empty where the log does not say it.
        self.request_id = ""

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body. Raises RequestTooLarge as soon as it is known to exceed the limit."""
        if isinstance(self.body, bytes):
            _check_size(len(self.body), limit_bytes)
            return self.body
        return b"".join([piece async for piece in self.pieces(limit_bytes)])

    async def pieces(self, limit_bytes: int) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises RequestTooLarge as soon as it is known to exceed the limit."""
        if self.body is None or isinstance(self.body, bytes):
            _check_size(len(self.body or b""), limit_bytes)
            yield self.body or b""
            return
        size = 0
        try:
            while (piece := await self.body.pull()) is not None:
                size += len(piece)
                _check_size(size, limit_bytes)
                yield piece
        except BodyBroken as broken:
            if isinstance(broken.__cause__, PaddockError):
                raise broken.__cause__ from None
            raise
        finally:
            await self.body.cancel(None)


class FetchResponse(msgspec.Struct, frozen=True):
    """A binding's answer. A source must be read to its end or cancelled by whoever receives it."""

    status: int
    headers: Headers = ()
    body: bytes | ByteSource | None = None
    status_text: str = ""
    #: Where the answer came from when the request was redirected.
    url: str = ""


class BindingContext(msgspec.Struct, frozen=True):
    """What bindings are made from: each takes what it needs."""

    ai: AiService
    #: Larger request bodies are refused.
    body_limit_bytes: int
    #: Where bindings keep what outlives the server.
    state: StateFolder
    #: Takes the messages of queues.
    broker: Broker
    #: What the configuration says of this one binding: a struct that the binding itself defines.
    settings: object = None


class Binding(Protocol):
    """One binding of a worker. Same shape in every folder; listed in `registry.py`."""

    #: Picks the stub in the isolate, and names the binding in the start-up table.
    kind: ClassVar[str]

    @classmethod
    def open(cls, context: BindingContext) -> Self:
        """The binding of one worker."""
        ...

    async def close(self) -> None:
        """Let go of files and processes. Called once, after the last fetch."""
        ...

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        """Answer one request. Raises PaddockError only for what the binding's protocol cannot express.

        Cancel: cancelling the call, or the response's source, stops the work behind it.
        """
        ...


class GeneratorSource:
    """An async generator as a ByteSource: closed on every way out."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], first: bytes | None = None) -> None:
        self._pieces = pieces
        self._first = first

    async def pull(self) -> bytes | None:
        """The generator's next item, None at its end. Its PaddockError becomes a BodyBroken with this cause."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            return await anext(self._pieces, None)
        except PaddockError as error:
            raise BodyBroken(str(error)) from error

    async def cancel(self, reason: object) -> None:
        """Close the generator, so that its `finally` blocks run now."""
        await self._pieces.aclose()


def _check_size(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise RequestTooLarge(f"Request is too large: a body of at most {limit_bytes} bytes is allowed")
