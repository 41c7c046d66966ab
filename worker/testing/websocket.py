"""`worker.websocket(...)`: a test as a client of WebSockets. Names are those of httpx-ws."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any, Final, Self

from paddock.worker.errors import SubprotocolRefused
from paddock.worker.testing import http
from paddock.worker.testing.conversation import Conversation
from paddock.worker.testing.errors import WebSocketDisconnect, WebSocketUpgradeError
from paddock.worker.testing.sending import whole
from paddock.worker.testing.threads import raised_in_handler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from types import TracebackType

    import httpx

    from paddock.worker.testing.exchanges import Exchanges
    from paddock.worker.testing.threads import Pending, Start

__all__ = ["WebSocketSession"]

_SWITCHING_PROTOCOLS: Final = 101
#: The codes of an end that is none of an error. RFC 6455, 7.4.1.
_NORMAL: Final = (1000, 1001)
#: RFC 6455, 7.4.1 and 5.5: what no Close frame says, and what it has room for.
_UNSENDABLE: Final = frozenset({1004, 1005, 1006, 1015})
_REASON_BYTES: Final = 123
_HTTP: Final = {"ws": "http", "wss": "https"}
_PROTOCOL: Final = "sec-websocket-protocol"


class WebSocketSession:
    """A WebSocket to the worker, open inside of `with` or `async with`. What takes time returns a `Pending`.

    Entering raises what the handler raises, and WebSocketUpgradeError with the response of one that refuses. Leaving
    closes with 1000, and raises what the handler raised meanwhile, unless the test has got that already.
    """

    def __init__(self, start: Start, exchanges: Exchanges, request: httpx.Request, subprotocols: Sequence[str]) -> None:
        self._start = start
        self._exchanges = exchanges
        self._request = request
        self._offered = tuple(subprotocols)
        self._conversation = Conversation(exchanges)
        self._response: httpx.Response | None = None

    def __enter__(self) -> Self:
        self._start(self._open()).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(error).result()

    async def __aenter__(self) -> Self:
        await self._start(self._open())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave(error)

    @property
    def response(self) -> httpx.Response:
        """The response with status 101."""
        assert self._response is not None, "a WebSocket is open inside of its `with` block"
        return self._response

    @property
    def subprotocol(self) -> str | None:
        """The one that the handler chose of those that were offered."""
        chosen: str | None = self.response.headers.get(_PROTOCOL)
        return chosen

    @property
    def close_code(self) -> int | None:
        """The code of the handler's Close frame, 1006 where none came; None while it is open."""
        end = self._conversation.end
        return end.code if isinstance(end, WebSocketDisconnect) else None if end is None else 1011

    def send(self, message: str | bytes) -> Pending[None]:
        """Send a text, or bytes. It has begun when this returns: awaiting it lets a slow handler hold the test up."""
        if not isinstance(message, str | bytes):
            raise TypeError(f"send: expected str or bytes; got {type(message).__name__}: use send_json for an object")
        return self._start(self._conversation.send(message)).may_be_left()

    def send_json(self, value: object) -> Pending[None]:
        """Send a value as JSON text."""
        return self.send(json.dumps(value))

    def receive(self) -> Pending[str | bytes]:
        """The next message. Raises WebSocketDisconnect when it is closed, or what the handler has raised."""
        return self._start(self._conversation.receive())

    def receive_json(self) -> Pending[Any]:
        """The value of the next message, which is JSON."""

        async def parsed() -> Any:
            return json.loads(await self._conversation.receive())

        return self._start(parsed())

    def close(self, code: int = 1000, reason: str = "") -> Pending[None]:
        """Send a Close frame, and wait up to two seconds for the handler's. What came before that is dropped."""
        if not 1000 <= code < 5000 or code in _UNSENDABLE:
            raise ValueError(f"close: expected a code from 1000 to 4999 that a Close frame can have; got {code}")
        if len(reason.encode()) > _REASON_BYTES:
            raise ValueError(f"close: expected a reason of at most {_REASON_BYTES} bytes; got {len(reason.encode())}")
        return self._start(self._conversation.close(code, reason))

    def __iter__(self) -> Iterator[str | bytes]:
        """Messages until the handler closes with 1000 or 1001. Raises as `receive` for any other end."""
        try:
            while True:
                yield self.receive().result()
        except WebSocketDisconnect as end:
            if end.code not in _NORMAL:
                raise

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        try:
            while True:
                yield await self.receive()
        except WebSocketDisconnect as end:
            if end.code not in _NORMAL:
                raise

    async def _open(self) -> None:
        _shake_hands(self._request, self._offered)
        request = http.fetch_request(self._request, self._conversation.said)
        answer = await self._exchanges.answer(request, is_upgrade=True)
        self._response = http.response_of(answer, self._request)
        if answer.status != _SWITCHING_PROTOCOLS or answer.body is None or isinstance(answer.body, bytes):
            await self._conversation.hang_up()
            raise raised_in_handler(WebSocketUpgradeError(http.response_of(await whole(answer), self._request)))
        self._conversation.begin(answer.body)
        if self.subprotocol is not None and self.subprotocol not in self._offered:
            await self._conversation.hang_up()
            raise raised_in_handler(SubprotocolRefused(self.subprotocol, self._offered))

    def _leave(self, error: BaseException | None) -> Pending[None]:
        conversation = self._conversation
        return self._start(conversation.leave() if error is None else conversation.hang_up())


def _shake_hands(request: httpx.Request, subprotocols: Sequence[str]) -> None:
    """What a client says, and the URL that workers see: one of HTTP, as in production."""
    request.url = request.url.copy_with(scheme=_HTTP.get(request.url.scheme, request.url.scheme))
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
    }
    request.headers.update(headers | ({_PROTOCOL: ", ".join(subprotocols)} if subprotocols else {}))
