"""hypercorn's WebSocket stream, with what an app needs to know of how a connection ends.

hypercorn 0.18 answers a client's Close frame by itself and reports 1006 whatever its code was, hangs up over a broken
frame without saying why, counts the characters of a text where a limit is in bytes, and hands messages to an app for as
long as its queue has room, whether they are small or large. Here the app answers the Close frame; it is told with
`websocket.disconnect`, whose `code` and `reason` are the client's and whose `paddock.end` says how it ended:

    closed   a Close frame came: the app answers with `websocket.close`, unless it has closed already
    failed   the client broke the protocol, and was told so with a Close frame of this code
    gone     the connection is down; it comes last, and may come behind one of the others

Until: a hypercorn that reports the client's code and leaves the answer to the app.
"""

from __future__ import annotations

import asyncio
import copy
import functools
from typing import TYPE_CHECKING, Any, Final

from hypercorn.protocol import h2, h11
from hypercorn.protocol.events import Body, Data, EndData, StreamClosed
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message, Ping
from wsproto.frame_protocol import CloseReason

from paddock.worker.messages import NO_CODE
from paddock.worker.parts import MessageTooLarge, Parts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hypercorn.config import Config
    from hypercorn.protocol.events import Event
    from hypercorn.typing import AppWrapper, ASGISendEvent

__all__ = ["ClientStream", "install"]

#: What may wait for the app: one message, or several up to this size together.
_AHEAD_BYTES: Final = 1024 * 1024
#: What a message costs beside its content.
_ENTRY_BYTES: Final = 512


class ClientStream(WSStream):
    """One client's WebSocket, from the request for it to its end."""

    def __init__(self, app: AppWrapper, *details: Any) -> None:
        super().__init__(app, *details)
        self._inner = app
        self.app = self._run
        self.config = _unlimited(self.config)
        self._parts = Parts()
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        #: The app has ended: nobody takes messages any more.
        self._is_over = False
        #: What still comes from the client is thrown away: it broke the protocol.
        self._is_deaf = False

    async def _run(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Any,
        sync_spawn: Callable[..., Any],
        call_soon: Callable[..., Any],
    ) -> None:
        """The app, with a note of what it has taken."""

        async def take() -> Any:
            message = await receive()
            self._waiting_bytes -= _cost(message)
            self._room.set()
            return message

        await self._inner(scope, take, send, sync_spawn, call_soon)

    async def handle(self, event: Event) -> None:
        if self.closed or not isinstance(event, Body | Data | StreamClosed):
            await super().handle(event)
        elif isinstance(event, StreamClosed):
            self.closed = True
            await self._tell("gone", CloseReason.ABNORMAL_CLOSURE, "")
        elif self.state is ASGIWebsocketState.HANDSHAKE:  # it talks before it was let in
            await super().handle(event)
            await self._tell("gone", CloseReason.ABNORMAL_CLOSURE, "")
            await self.send(StreamClosed(stream_id=self.stream_id))
        elif not self.handshake.accepted:
            return  # it was refused, and talks on
        elif not self._is_deaf and self.connection.state is not ConnectionState.CLOSED:
            self.connection.receive_data(event.data)
            await self._handle_events()

    async def app_send(self, message: ASGISendEvent | None) -> None:
        if message is None:
            self._is_over = True
            self._room.set()
        elif self.state is ASGIWebsocketState.CLOSED:
            return  # it failed, and the app could not know yet
        elif message["type"] == "websocket.close" and self.state is ASGIWebsocketState.CONNECTED:
            code = message.get("code", CloseReason.NORMAL_CLOSURE)
            await self._close(CloseReason.NO_STATUS_RCVD if code == NO_CODE else code, message.get("reason"))
            await self.send(EndData(stream_id=self.stream_id))
            return
        await super().app_send(message)

    async def _handle_events(self) -> None:
        for event in self.connection.events():
            if isinstance(event, Message):
                await self._take(event)
            elif isinstance(event, Ping):
                await self._send_wsproto_event(event.response())
            elif isinstance(event, CloseConnection):
                if self.connection.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED):
                    await self._tell("closed", event.code, event.reason or "")
                else:
                    await self._fail(event.code, event.reason or "")
            if self._is_deaf:
                return

    async def _take(self, event: Message[Any]) -> None:
        try:
            content = self._parts.add(event)
        except MessageTooLarge as error:
            await self._fail(CloseReason.MESSAGE_TOO_BIG, str(error))
            return
        if isinstance(content, str):
            await self._put({"type": "websocket.receive", "text": content})
        elif content is not None:
            await self._put({"type": "websocket.receive", "bytes": content})

    async def _fail(self, code: int, reason: str) -> None:
        self._is_deaf = True
        await self._close(code, reason)
        await self._tell("failed", code, reason)

    async def _close(self, code: int, reason: str | None) -> None:
        self.state = ASGIWebsocketState.CLOSED
        await self._send_wsproto_event(CloseConnection(code=code, reason=reason or None))

    async def _tell(self, end: str, code: int, reason: str) -> None:
        if self.app_put is not None and not self._is_over:
            await self.app_put(
                {"type": "websocket.disconnect", "code": int(code), "reason": reason, "paddock.end": end}
            )

    async def _put(self, message: dict[str, Any]) -> None:
        """Hand a message to the app when there is room. Meanwhile nothing is read: the client has to wait."""
        assert self.app_put is not None
        cost = _cost(message)
        while self._waiting_bytes and self._waiting_bytes + cost > _AHEAD_BYTES and not self._is_over:
            self._room.clear()
            await self._room.wait()
        if not self._is_over:
            self._waiting_bytes += cost
            await self.app_put(message)


def install() -> None:
    """Have hypercorn make this stream of every request for a WebSocket."""
    for protocol in (h11, h2):
        protocol.WSStream = ClientStream  # type: ignore[attr-defined]  # hypercorn has no setting for it


@functools.lru_cache(maxsize=1)
def _unlimited(config: Config) -> Config:
    """The configuration without a limit for what an app may leave waiting: `_put` has one."""
    changed = copy.copy(config)
    changed.max_app_queue_size = 0
    return changed


def _cost(message: dict[str, Any]) -> int:
    if message["type"] != "websocket.receive":
        return 0
    return len(message.get("text") or message.get("bytes") or b"") + _ENTRY_BYTES
