"""`WebSocket` and `WebSocketPair`.

Source: workerd, api/web-socket, read 2026-11-26; developer docs, Workers, WebSockets. PW-157.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
import weakref
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.web import era
from paddock.worker.isolate.web.abort import Event, EventTarget
from paddock.worker.isolate.web.blob import Blob
from paddock.worker.isolate.web.buffers import ArrayBuffer
from paddock.worker.isolate.web.classes import JsClass
from paddock.worker.isolate.web.errors import USER_ERRORS, JsException, type_error
from paddock.worker.isolate.web.fetch import fetch
from paddock.worker.isolate.web.lanes import Close, Disconnected, End, Message, pipe
from paddock.worker.isolate.web.objects import JsObject, JsProxy, is_nullish, null, read
from paddock.worker.isolate.web.scope import current_scope, require_request
from paddock.worker.isolate.web.socketevents import CloseEvent, ErrorEvent, MessageEvent
from paddock.worker.isolate.web.socketrules import close_frame, content, handshake
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["WebSocket", "WebSocketPair", "uncaught"]

logger = logging.getLogger(__name__)

#: The code of an end without a Close frame. RFC 6455, 7.4.1.
_ABNORMAL: Final = 1006
_NO_UPGRADE: Final = (
    "Failed to establish the WebSocket connection: expected server to reply with HTTP status code 101 (switching "
    "protocols)"
)
_NOT_ACCEPTED: Final = (
    "You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages."
)


def _log_uncaught(error: BaseException) -> None:
    logger.error("uncaught_in_listener", exc_info=error)


#: Gets what a listener raises. The test kit has it raised in the test.
uncaught: Callable[[BaseException], None] = _log_uncaught


class WebSocket(EventTarget):
    """One end of a connection. Messages come as events once it is accepted."""

    CONNECTING = READY_STATE_CONNECTING = 0
    OPEN = READY_STATE_OPEN = 1
    CLOSING = READY_STATE_CLOSING = 2
    CLOSED = READY_STATE_CLOSED = 3

    def __init__(self, url: object = None, protocols: object = None) -> None:
        """Connect to a server; `open` tells when, `error` and `close` that it could not be done."""
        require_request()
        super().__init__()
        address, headers = handshake(url, protocols)
        self._set_up(js_string(url))
        self._connecting = current_scope().start(self._connect(address, headers))

    @classmethod
    def holding(cls, end: End) -> WebSocket:
        """The WebSocket at one end of a pipe, not accepted yet."""
        socket = cls.__new__(cls)
        EventTarget.__init__(socket)
        socket._set_up(None)
        socket._hold(end)
        return socket

    def _set_up(self, url: str | None) -> None:
        self._url = url
        self._protocol: object = ""
        self._extensions: object = ""
        self._is_blob = era.current().sockets_get_blobs
        self._answers_close = era.current().sockets_answer_close

    def _hold(self, end: End) -> None:
        """Have the end, and drop it with the WebSocket itself: whoever is at the other end shall not wait for ever."""
        self._end = end
        self._dropping = weakref.finalize(self, end.drop)
        self._dropping.atexit = False

    _end: End
    _dropping: weakref.finalize[[], WebSocket]
    #: The task that connects to a server, until it has.
    _connecting: asyncio.Task[None] | None = None
    _is_accepted = False
    _is_released = False
    _has_sent_close = False
    _has_got_close = False
    #: Nobody listens any more: what is sent is dropped without a word.
    _is_aborted = False
    _error: BaseException | None = None

    @property
    def readyState(self) -> int:
        if (self._has_got_close and self._has_sent_close) or self._error is not None:
            return self.CLOSED
        if self._connecting is not None:
            return self.CONNECTING
        return self.CLOSING if self._has_got_close or self._has_sent_close else self.OPEN

    @property
    def url(self) -> object:
        return null() if self._url is None else self._url

    @property
    def protocol(self) -> object:
        return self._protocol

    @property
    def extensions(self) -> object:
        return self._extensions

    @property
    def binaryType(self) -> str:
        return "blob" if self._is_blob else "arraybuffer"

    @binaryType.setter
    def binaryType(self, kind: object) -> None:
        if kind in ("blob", "arraybuffer"):  # anything else changes nothing
            self._is_blob = kind == "blob"

    def accept(self, options: object = None, **members: object) -> None:
        """Begin to receive here. `allowHalfOpen` leaves it to the handler to answer a Close frame."""
        if self._connecting is not None:
            raise type_error("Websockets obtained from the 'new WebSocket()' constructor cannot call accept")
        if self._is_released:
            raise type_error("Can't accept() WebSocket that was already used in a response.")
        if self._is_accepted:
            return
        half_open = members.get("allowHalfOpen", read(options, "allowHalfOpen"))
        if not is_nullish(half_open):
            self._answers_close = not half_open
        self._is_accepted = True
        current_scope().start(self._receive())

    def send(self, message: object) -> None:
        """Send a text, or the bytes of a buffer; anything else is sent as its text. Returns at once."""
        if self._has_sent_close:
            raise type_error("Can't call WebSocket send() after close().")
        if self._is_aborted or self._is_released:
            return
        if not self._is_accepted:
            raise type_error(_NOT_ACCEPTED)
        self._end.outbox.put(content(message))

    def close(self, code: object = None, reason: object = None) -> None:
        """Send a Close frame, behind everything that was sent before. Closing again is not an error."""
        close = close_frame(code, reason)
        if self._has_sent_close or self._is_aborted or self._is_released:
            return
        if self._connecting is not None:
            self._is_released = True
            self._connecting.cancel()
            error = JsException("Error", "Called close before connection was established.")
            asyncio.get_running_loop().call_soon(self._refused, error)
            return
        if not self._is_accepted:
            raise type_error(_NOT_ACCEPTED)
        self._send_close(close)

    def release_end(self) -> End:
        """Give the end away, to whoever carries its messages from now on. Raises a TypeError when it is too late."""
        if self._connecting is not None:
            raise type_error("Can't return WebSocket in a Response if it was created with `new WebSocket()`")
        if self._is_released:
            raise type_error("Can't return WebSocket that was already used in a response.")
        if self._is_accepted:
            raise type_error("Can't return WebSocket in a Response after calling accept().")
        self._is_released = True
        self._dropping.detach()
        return self._end

    async def _connect(self, address: str, headers: JsObject) -> None:
        try:
            response = await fetch(address, JsObject({"headers": headers}))
            socket = response.webSocket
            if not isinstance(socket, WebSocket):
                raise type_error(f"{_NO_UPGRADE}, but received {response.status} instead.")
            self._hold(socket.release_end())
        except Exception as error:  # what a fetch fails with
            self._refused(error)
        else:
            protocol = response.headers.get("sec-websocket-protocol")
            self._protocol, self._extensions = protocol, null()
            self._connecting, self._is_accepted = None, True
            self._dispatch(Event.new("open"))
            await self._receive()

    def _refused(self, error: BaseException) -> None:
        self._connecting, self._is_aborted, self._has_got_close = None, True, True
        self._fail(error)
        reason = "Failed to establish websocket connection"
        self._dispatch(CloseEvent.new("close", code=_ABNORMAL, reason=reason, wasClean=False))

    def _send_close(self, close: Close) -> None:
        self._end.outbox.put(close)
        self._has_sent_close = True

    async def _receive(self) -> None:
        """Dispatch what comes, until it is over. A listener that raises breaks the connection, as in production."""
        is_heard = False
        try:
            while not self._has_got_close:
                message = await self._end.inbox.get()
                is_heard = True
                self._take(message)
                is_heard = False
        except Disconnected:
            self._has_got_close = True
            self._abort()
            reason = "WebSocket disconnected without sending Close frame."
            self._dispatch(CloseEvent.new("close", code=_ABNORMAL, reason=reason, wasClean=False))
        except USER_ERRORS as error:  # user code: whatever its listeners raise
            self._has_got_close = True
            self._abort()
            self._fail(error, is_uncaught=is_heard)
        except asyncio.CancelledError:  # the event is over
            self._abort()
            raise

    def _abort(self) -> None:
        self._is_aborted = True
        self._end.drop()

    def _take(self, message: Message) -> None:
        if isinstance(message, str):
            self.dispatchEvent(MessageEvent.new("message", data=message))
        elif isinstance(message, bytes):
            self.dispatchEvent(MessageEvent.new("message", data=self._binary(message)))
        else:
            self._has_got_close = True
            if self._answers_close and not self._has_sent_close:
                self._send_close(message)
            self.dispatchEvent(CloseEvent.new("close", code=message.code, reason=message.reason, wasClean=True))

    def _binary(self, data: bytes) -> JsProxy:
        return Blob.of(data) if self._is_blob else ArrayBuffer.over(bytearray(data))

    def _dispatch(self, event: Event) -> None:
        """Dispatch an event after which nothing depends on the listeners any more."""
        try:
            self.dispatchEvent(event)
        except USER_ERRORS as error:  # user code: nobody is left to tell
            uncaught(error)

    def _fail(self, error: BaseException, *, is_uncaught: bool = False) -> None:
        """Report what broke the connection; not only to its listeners, where it is a listener's own exception."""
        self._error = error
        if is_uncaught or not isinstance(error, JsException):
            uncaught(error)
        self._dispatch(ErrorEvent.new("error", message=f"Uncaught {_thrown(error)}", error=error))


class WebSocketPair(JsProxy, metaclass=JsClass):
    """Two WebSockets that are joined: one for the response, one for the handler (`object_values()`)."""

    def __init__(self) -> None:
        require_request()
        for name, end in zip("01", pipe(), strict=True):
            setattr(self, name, WebSocket.holding(end))

    def __iter__(self) -> Iterator[object]:
        return iter(self._members().values())


def _thrown(error: BaseException) -> str:
    if isinstance(error, JsException):
        return str(error)
    return f"PythonError: {''.join(traceback.format_exception(error))}"
