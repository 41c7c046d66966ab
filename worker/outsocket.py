"""WebSockets of handlers to the outside world, on wsproto, which hypercorn speaks to clients with.

A fetch with `is_upgrade` is answered here: with status 101 and a body that is what the server says, or with the
response by which it refused. Redirects are not followed, and no compression is offered.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from paddock.bindings.binding import GeneratorSource
from paddock.worker.channel import BodyBroken
from paddock.worker.errors import NetworkError
from paddock.worker.messages import NO_CODE, Close, Failure, MessageBuffer, encode
from paddock.worker.parts import MessageTooLarge, Parts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence
    from urllib.parse import SplitResult

    from wsproto.events import Event

    from paddock.worker.channel import ByteSource
    from paddock.worker.peer import IncomingFetch
    from paddock.worker.wire import Headers

__all__ = ["answer_upgrade"]

_CONNECT_TIMEOUT_S: Final = 30.0
#: How long the other side may take to answer a Close frame, and to hang up behind it.
_CLOSE_S: Final = 10.0
_READ_BYTES: Final = 64 * 1024
_PORTS: Final = {"http": 80, "https": 443}
_PROTOCOL: Final = "sec-websocket-protocol"
#: Headers that the handshake writes itself.
_HANDSHAKE: Final = frozenset(
    {"host", "connection", "upgrade", "content-length", "transfer-encoding", "sec-websocket-key", _PROTOCOL}
    | {"sec-websocket-version", "sec-websocket-extensions"}
)


async def answer_upgrade(incoming: IncomingFetch) -> None:
    """Answer a handler's request for a WebSocket, and carry its messages until it is over. Raises NetworkError.

    The task that runs this is the connection's scope: cancelling it hangs up.
    """
    fetch = incoming.fetch
    said = incoming.body
    assert said is not None, "a request for a WebSocket has a body: what the handler says"
    assert not isinstance(said, bytes)
    try:
        async with _connected(fetch.url) as connection:
            try:
                answer = await connection.shake_hands(fetch.url, fetch.headers)
            except (OSError, RemoteProtocolError, LocalProtocolError, ValueError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
                raise NetworkError(f"WebSocket {fetch.url} failed: {reason}") from error
            if isinstance(answer, AcceptConnection):
                incoming.reply(101, "Switching Protocols", _accepted(answer), connection.heard)
                await connection.say(said)
            else:
                incoming.reply(answer.status_code, "", _text(answer.headers), GeneratorSource(connection.refusal()))
                await incoming.sent()
    finally:
        await said.cancel(None)


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[_Connection]:
    """A connection to the URL's host, closed on every way out."""
    parts = urlsplit(url)
    try:
        context = await asyncio.to_thread(_trust) if parts.scheme == "https" else None
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            port = parts.port or _PORTS[parts.scheme]
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    except (OSError, ValueError, KeyError, TimeoutError) as error:
        raise NetworkError(f"WebSocket {url} failed: {str(error) or type(error).__name__}") from error
    try:
        yield _Connection(reader, writer)
    finally:
        writer.transport.abort()


class _Connection:
    """One connection. `heard` is what the other side says, a body; reading it is what reads the network."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._events: AsyncGenerator[Event, None] = self._read()
        self._parts = Parts()
        #: Set when nothing more will be heard.
        self._over = asyncio.Event()
        self.heard: ByteSource = _Heard(self._records(), self._over)

    async def shake_hands(self, url: str, headers: Headers) -> AcceptConnection | RejectConnection:
        """The other side's answer to the request."""
        parts = urlsplit(url)
        await self._send(
            Request(
                host=_host(parts),
                target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
                extra_headers=[(n.encode(), v.encode()) for n, v in headers if n.lower() not in _HANDSHAKE],
                subprotocols=[p.strip() for n, v in headers if n.lower() == _PROTOCOL for p in v.split(",")],
            )
        )
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            async for event in self._events:
                if isinstance(event, AcceptConnection | RejectConnection):
                    return event
        raise OSError("the server hung up before it answered")

    async def refusal(self) -> AsyncGenerator[bytes, None]:
        """The body of the response by which the other side refused."""
        async for event in self._events:
            if isinstance(event, RejectData):
                if event.data:
                    yield bytes(event.data)
                if event.body_finished:
                    return
        raise BodyBroken("the server hung up in the middle of its response")

    async def say(self, source: ByteSource) -> None:
        """Send what the handler says, and wait for the answer to its Close frame."""
        buffer = MessageBuffer()
        try:
            while (piece := await source.pull()) is not None:
                for message in buffer.feed(piece):
                    await self._send(_event(message))
        except OSError:
            return  # the handler let go, or the other side hung up, which the handler hears
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._over.wait()

    async def _read(self) -> AsyncGenerator[Event, None]:
        """Events of the protocol until the other side hangs up. Pings are answered here."""
        while data := await self._reader.read(_READ_BYTES):
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                if isinstance(event, Ping):
                    await self._send(event.response())
                yield event

    async def _records(self) -> AsyncGenerator[bytes, None]:
        """What the other side says, ended by its Close frame. Raises BodyBroken when it hangs up without one."""
        async for event in self._events:
            if isinstance(event, Message):
                try:
                    message = self._parts.add(event)
                except MessageTooLarge as error:
                    yield await self._failed(CloseReason.MESSAGE_TOO_BIG, str(error))
                    return
                if message is not None:
                    yield encode(message)
            elif isinstance(event, CloseConnection):
                if self._protocol.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED):
                    yield encode(Close(int(event.code), event.reason or ""))
                else:
                    yield await self._failed(event.code, event.reason or "")
                return
        raise BodyBroken("the server hung up without a Close frame")

    async def _failed(self, code: int, reason: str) -> bytes:
        """Tell the other side what it did wrong; the record that tells the handler."""
        await self._send(CloseConnection(code=code, reason=reason))
        return encode(Failure(int(code), reason))

    async def _send(self, event: Event) -> None:
        try:
            data = self._protocol.send(event)
        except LocalProtocolError:  # a Close frame has gone out before it
            return
        self._writer.write(data)
        await self._writer.drain()


class _Heard(GeneratorSource):
    """What the other side says, as a ByteSource; sets `over` behind the last of it."""

    def __init__(self, records: AsyncGenerator[bytes, None], over: asyncio.Event) -> None:
        super().__init__(records)
        self._over = over

    async def pull(self) -> bytes | None:
        try:
            record = await super().pull()
        except (OSError, RemoteProtocolError) as error:
            self._over.set()
            raise BodyBroken(str(error)) from error
        if record is None:
            self._over.set()
        return record

    async def cancel(self, reason: object) -> None:
        self._over.set()
        await super().cancel(reason)


def _event(message: str | bytes | Close | Failure) -> Event:
    if isinstance(message, str):
        return TextMessage(data=message)
    if isinstance(message, bytes):
        return BytesMessage(data=message)
    code, reason = message
    return CloseConnection(code=CloseReason.NO_STATUS_RCVD if code == NO_CODE else code, reason=reason or None)


def _accepted(answer: AcceptConnection) -> Headers:
    chosen = ((_PROTOCOL, answer.subprotocol),) if answer.subprotocol else ()
    return (*_text(answer.extra_headers), *chosen)


def _text(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _host(parts: SplitResult) -> str:
    """The Host header: without the port that the scheme means."""
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return name if parts.port in (None, _PORTS[parts.scheme]) else f"{name}:{parts.port}"


@cache
def _trust() -> ssl.SSLContext:
    """Whom to trust: reads many certificates, so once, and not on the event loop."""
    return ssl.create_default_context()
