"""hypercorn's HTTP/2, in which no request holds up the others of its connection.

hypercorn 0.18 stops reading a connection while a body does not fit into the queue of its app, and gives all bodies
together one window of 64 KiB. Here a body that nobody reads waits in the window of its own stream: what has arrived of
it is one piece, however small the frames were, room is given back as the app reads, and the connection has room for all
of its streams. A body that goes on behind the answer to it is thrown away, where hypercorn ends the connection. An app
that sends to a client which has left is told so by an exception, where hypercorn has it wait for ever.

WebSockets are as in hypercorn: one whose messages nobody takes holds up its connection.

Until: a hypercorn that does so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h2.events import DataReceived
from hypercorn.events import Closed
from hypercorn.protocol.events import Body
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.http_stream import HTTPStream

from paddock.worker.http import ClientGone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from h2.events import Event, RequestReceived
    from hypercorn.events import Event as ConnectionEvent
    from hypercorn.protocol.events import Event as StreamEvent
    from hypercorn.typing import AppWrapper, Scope

__all__ = ["Http2Connection"]


class Http2Connection(H2Protocol):
    """One connection and its streams."""

    def __init__(self, app: AppWrapper, *details: Any) -> None:
        super().__init__(app, *details)
        self._app = app
        #: What has arrived of a body and was not read yet, by stream. It is in the queue of its app, as one message.
        self._unread: dict[int, bytearray] = {}

    async def initiate(self, headers: list[tuple[bytes, bytes]] | None = None, settings: bytes | None = None) -> None:
        await super().initiate(headers, settings)
        more = self.config.h2_max_concurrent_streams - 1
        self.connection.increment_flow_control_window(more * self.connection.local_settings.initial_window_size)
        await self._flush()

    async def handle(self, event: ConnectionEvent) -> None:
        await super().handle(event)
        if isinstance(event, Closed):
            await self.abandon()

    async def abandon(self) -> None:
        """Send no more of any body; somebody may wait for room."""
        for buffer in list(self.stream_buffers.values()):
            await buffer.close()

    async def stream_send(self, event: StreamEvent) -> None:
        """Send a part of a response. Raises ClientGone for one of its body, which only apps send."""
        await super().stream_send(event)
        if isinstance(event, Body) and event.stream_id not in self.streams:
            raise ClientGone("the client went away in the middle of its response")

    async def _create_stream(self, request: RequestReceived) -> None:
        # hypercorn makes the stream of what it finds here.
        is_socket = (b":method", b"CONNECT") in request.headers
        self.app = self._app if is_socket else self._reading_app(request.stream_id)
        await super()._create_stream(request)

    def _reading_app(self, stream_id: int) -> AppWrapper:
        """The app, for one request, which gives room back as it reads."""

        async def run(scope: Scope, receive: Callable[[], Awaitable[Any]], *details: Any, **more: Any) -> None:
            async def receive_and_make_room() -> Any:
                message = await receive()
                if body := message.get("body"):
                    message["body"] = bytes(body)
                    await self._make_room(stream_id, len(self._unread.pop(stream_id, b"")))
                return message

            await self._app(scope, receive_and_make_room, *details, **more)

        return run

    async def _make_room(self, stream_id: int, size: int) -> None:
        self.connection.acknowledge_received_data(size, stream_id)
        await self._flush()

    async def _handle_events(self, events: list[Event]) -> None:
        for event in events:
            if not isinstance(event, DataReceived):
                await super()._handle_events([event])
            elif (stream := self.streams.get(event.stream_id)) is None or stream.closed:  # it was answered already
                await self._make_room(event.stream_id, event.flow_controlled_length)
            elif not isinstance(stream, HTTPStream):
                await super()._handle_events([event])
            else:
                await self._make_room(event.stream_id, event.flow_controlled_length - len(event.data))  # its padding
                await self._keep(stream, event)

    async def _keep(self, stream: HTTPStream, event: DataReceived) -> None:
        """Keep a piece of a body for its app, with those before it."""
        if waiting := self._unread.get(event.stream_id):
            waiting += event.data
        elif event.data:
            body: Any = bytearray(event.data)  # which grows, until the app gets it as bytes
            self._unread[event.stream_id] = body
            await stream.app_put({"type": "http.request", "body": body, "more_body": True})

    async def _close_stream(self, stream_id: int) -> None:
        await super()._close_stream(stream_id)
        await self._make_room(stream_id, len(self._unread.pop(stream_id, b"")))
