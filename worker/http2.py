"""hypercorn's HTTP/2, in which no request holds up the others of its connection.

hypercorn 0.18 stops reading a connection while a body does not fit into the queue of its app, and gives all bodies
together one window of 64 KiB. Here a body that nobody reads waits in the window of its own stream: the queue of its app
takes all of that, room is given back as the app reads, and the connection has room for all of its streams. A body that
goes on behind the answer to it is thrown away, where hypercorn ends the connection.

WebSockets are as in hypercorn: one whose messages nobody takes holds up its connection.

Until: a hypercorn that does so.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from h2.events import DataReceived
from hypercorn.protocol.events import Body
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.http_stream import HTTPStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from h2.events import Event, RequestReceived
    from hypercorn.typing import AppWrapper, Scope

__all__ = ["Http2Connection"]


class Http2Connection(H2Protocol):
    """One connection and its streams."""

    def __init__(self, app: AppWrapper, *details: Any) -> None:
        super().__init__(app, *details)
        self._app = app
        self._of_sockets, self._of_requests = self.config, copy.copy(self.config)
        self._of_requests.max_app_queue_size = 0  # without end: the window is one
        #: Bytes of bodies that no app has read yet, by stream.
        self._unread: dict[int, int] = {}

    async def initiate(self, headers: list[tuple[bytes, bytes]] | None = None, settings: bytes | None = None) -> None:
        await super().initiate(headers, settings)
        more = self.config.h2_max_concurrent_streams - 1
        self.connection.increment_flow_control_window(more * self.connection.local_settings.initial_window_size)
        await self._flush()

    async def _create_stream(self, request: RequestReceived) -> None:
        # hypercorn makes the stream of what it finds here.
        if (b":method", b"CONNECT") in request.headers:
            self.app, self.config = self._app, self._of_sockets
        else:
            self.app, self.config = self._reading_app(request.stream_id), self._of_requests
        await super()._create_stream(request)

    def _reading_app(self, stream_id: int) -> AppWrapper:
        """The app, for one request, which gives room back as it reads."""

        async def run(scope: Scope, receive: Callable[[], Awaitable[Any]], *details: Any, **more: Any) -> None:
            async def receive_and_make_room() -> Any:
                message = await receive()
                if (body := message.get("body")) and stream_id in self._unread:
                    self._unread[stream_id] -= len(body)
                    await self._make_room(stream_id, len(body))
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
            elif (stream := self.streams.get(event.stream_id)) is None:  # it was answered already
                await self._make_room(event.stream_id, event.flow_controlled_length)
            elif not isinstance(stream, HTTPStream):
                await super()._handle_events([event])
            else:
                self._unread[event.stream_id] = self._unread.get(event.stream_id, 0) + len(event.data)
                await self._make_room(event.stream_id, event.flow_controlled_length - len(event.data))  # its padding
                if event.data:
                    await stream.handle(Body(stream_id=event.stream_id, data=event.data))

    async def _close_stream(self, stream_id: int) -> None:
        await super()._close_stream(stream_id)
        await self._make_room(stream_id, self._unread.pop(stream_id, 0))
