"""hypercorn's TCP connection, which costs less for each request and ends with its client.

hypercorn 0.18 starts two tasks whenever a connection becomes idle and cancels them with the next request, keeps a
connection that its client has closed for as long as an idle one (75 s, descriptor included), writes the head and the
body of a response one by one, which wakes the client twice, and names no status in words. When a client goes away while
an app sends, it puts the news into the app's queue in the app's own task, which waits forever where the queue is full
of a body. Here one task watches a connection for as long as it lives and ends with it, a head leaves with what follows
it at once, and an app that sends to nobody is told so by an exception.

Until: a hypercorn that does so.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import h11
from hypercorn import protocol
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio import run
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.events import RawData
from hypercorn.protocol.events import Body, StreamClosed
from hypercorn.protocol.h11 import H11Protocol

from paddock.worker.http import ClientGone
from paddock.worker.http2 import Http2Connection
from paddock.worker.plainhttp import TlsObject, ask_for_https

if TYPE_CHECKING:
    from hypercorn import events
    from hypercorn.protocol.events import Event
    from hypercorn.typing import ASGIFramework, H11SendableEvent

__all__ = ["ClientConnection", "HttpConnection", "install"]


_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


class _IdleTime:
    """Since when a connection has been idle; hypercorn has a task for that, and another one for each request."""

    def __init__(self) -> None:
        self.since: float | None = None

    async def restart(self, task_group: object, action: object) -> None:
        """It is idle from now on."""
        self.since = time.monotonic()

    async def stop(self) -> None:
        """It is not idle any more."""
        self.since = None


class ClientConnection(TCPServer):
    """One client's connection."""

    def __init__(self, *details: Any) -> None:
        super().__init__(*details)
        self.idle_task: Any = _IdleTime()

    async def run(self) -> None:
        tls = self.writer.get_extra_info("ssl_object")
        if isinstance(tls, TlsObject) and tls.is_plain:
            self.app = ASGIWrapper(cast("ASGIFramework", ask_for_https))
        try:
            await super().run()
        except asyncio.CancelledError:
            # The server has ended. Python 3.11 takes a connection's task that is cancelled for a defect, and says so.
            if not self.context.terminated.is_set():
                raise

    async def protocol_send(self, event: events.Event) -> None:
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            return
        async with self.send_lock:
            try:
                self.writer.write(event.data)
                await self.writer.drain()
            except (ConnectionError, RuntimeError):
                # The reading side sees that as the end of the connection, behind what has arrived.
                self.writer.transport.abort()
                if isinstance(self.protocol.protocol, HttpConnection):
                    self.protocol.protocol.is_client_gone = True

    async def _read_data(self) -> None:
        watch = self._task_group._task_group.create_task(self._watch())
        try:
            await super()._read_data()
        except asyncio.CancelledError:
            # The server has ended, and its grace is over: it waits for no client that takes nothing.
            self.writer.transport.abort()
            if isinstance(self.protocol.protocol, Http2Connection):
                await self.protocol.protocol.abandon()
            raise
        finally:
            watch.cancel()

    async def _watch(self) -> None:
        """Close the connection when it has been idle for too long, or is idle when the server ends."""
        allowed_s = self.config.keep_alive_timeout
        while not self.context.terminated.is_set():
            since = self.idle_task.since
            idle_s = 0.0 if since is None else time.monotonic() - since
            if idle_s >= allowed_s:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(allowed_s - idle_s):
                    await self.context.terminated.wait()
        if self.idle_task.since is not None:  # hypercorn closes a busy one itself, behind the response
            await self._initiate_server_close()


class HttpConnection(H11Protocol):
    """HTTP/1.1 as hypercorn speaks it, whose response heads leave together with what follows them at once."""

    _head = b""
    is_client_gone = False

    async def stream_send(self, event: Event) -> None:
        """Send a part of a response. Raises ClientGone for one of its body, which only apps send."""
        if isinstance(event, StreamClosed):
            await self._flush(b"")
        await super().stream_send(event)
        if self.is_client_gone and isinstance(event, Body):
            raise ClientGone("the client went away in the middle of its response")

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        try:
            data = self.connection.send(event)
        except h11.LocalProtocolError:  # as in hypercorn: to a client that broke the protocol, nothing can be sent
            if self.connection.their_state is not h11.ERROR:
                raise
            return
        if isinstance(event, h11.Response | h11.InformationalResponse):
            data = data.replace(b" \r\n", _reason(event.status_code), 1)
        if isinstance(event, h11.Response):
            self._head = data or b""
            # What follows at once leaves with it.
            asyncio.get_running_loop().call_soon(self._flush_soon)
        else:
            await self._flush(data or b"")

    def _flush_soon(self) -> None:
        if self._head:
            self.task_group.spawn(self._flush, b"")

    async def _flush(self, data: bytes) -> None:
        data, self._head = self._head + data, b""
        if data:
            await self.send(RawData(data))


@functools.cache
def _reason(status: int) -> bytes:
    """How a status line ends: with the status in words, which hypercorn leaves out, where it has a name."""
    return b" %s\r\n" % _PHRASES.get(status, "").encode()


def install() -> None:
    """Have hypercorn make these of every connection."""
    for module, name, kind in (
        (run, "TCPServer", ClientConnection),
        (protocol, "H11Protocol", HttpConnection),
        (protocol, "H2Protocol", Http2Connection),
    ):
        setattr(module, name, kind)  # hypercorn has no setting for either
