"""One WebSocket between a test and its worker, on the worker's loop: the path of a browser's, behind the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.channel import BodyBroken
from paddock.worker.messages import MAX_MESSAGE_BYTES, Close, Failure, MessageBuffer, MessageSource, encode
from paddock.worker.testing.errors import WebSocketDisconnect

if TYPE_CHECKING:
    from paddock.worker.channel import ByteSource
    from paddock.worker.testing.exchanges import Exchanges

__all__ = ["Conversation"]

_ABNORMAL: Final = 1006
_TOO_LARGE: Final = 1009
_INTERNAL_ERROR: Final = 1011
#: How long a handler may take to answer a Close frame. Before April 2026 it has to do so itself, and may forget.
_CLOSE_S: Final = 2.0


class Conversation:
    """What both sides say."""

    #: Done when background work of a handler has failed.
    _failure: asyncio.Future[None]

    def __init__(self, exchanges: Exchanges) -> None:
        #: What the test says: the body of its request.
        self.said = MessageSource()
        #: What every use raises from now on.
        self.end: BaseException | None = None
        self._exchanges = exchanges
        self._heard: ByteSource | None = None
        self._buffer = MessageBuffer()
        self._messages: deque[str | bytes] = deque()
        self._reading = asyncio.Lock()
        #: The read that is under way.
        self._pulling: asyncio.Task[bytes | None] | None = None
        self._has_closed = False
        #: What the handler has raised, when the connection has not failed yet.
        self._why: Exception | None = None
        #: The connection failed, and no use has said so yet.
        self._is_untold = False

    def begin(self, heard: ByteSource) -> None:
        """The worker has accepted, and says this."""
        self._heard = heard
        self._failure = asyncio.get_running_loop().create_future()
        self._exchanges.actor.cast.on_failure.add(self._fail)

    def _fail(self) -> None:
        if not self._failure.done():
            self._failure.set_result(None)

    async def send(self, message: str | bytes) -> None:
        """Say something; returns when the handler's side has taken what came before."""
        record = encode(message)
        self._raise_end()
        self._note(f"-> {message!r}")
        size = len(message.encode() if isinstance(message, str) else message)
        if size <= MAX_MESSAGE_BYTES:
            await self.said.put(record)
            return
        reason = f"Message is too large: {size} > {MAX_MESSAGE_BYTES}"
        await self._say_last(Failure(_TOO_LARGE, reason))
        self.end = WebSocketDisconnect(_TOO_LARGE, reason)

    async def receive(self) -> str | bytes:
        """The next message. Raises WebSocketDisconnect behind the last one, or what the handler has raised."""
        async with self._reading:
            while not self._messages:
                self._raise_end()
                await self._read()
            message = self._messages.popleft()
        self._note(f"<- {message!r}")
        return message

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, and wait for the answer; what comes before that is dropped. Idempotent."""
        if self.end is None and not self._has_closed:
            self._note(f"-> close {code} {reason}".rstrip())
            await self._say_last(Close(code, reason))
        try:
            async with asyncio.timeout(_CLOSE_S), self._reading:
                while self.end is None:
                    await self._read()
                    self._messages.clear()
        except TimeoutError:
            self.end = WebSocketDisconnect(_ABNORMAL, "the handler did not answer the Close frame")

    async def leave(self) -> None:
        """Close, then raise what made the connection fail, unless the test has heard of it."""
        try:
            await self.close(1000, "")
        finally:
            await self.hang_up()
        if self._is_untold:
            self._raise_end()

    async def hang_up(self) -> None:
        """End it without a word, if it has not ended."""
        self.said.end(BodyBroken("the test hung up without a Close frame"))
        if self._heard is None:  # nobody listens
            return
        self._exchanges.actor.cast.on_failure.discard(self._fail)
        if self._pulling is not None:
            self._pulling.cancel()
            await asyncio.wait([self._pulling])
        await self._heard.cancel(None)
        with contextlib.suppress(TimeoutError):  # of a handler that takes no messages
            async with asyncio.timeout(_CLOSE_S):
                # Whoever waits for background work from now on waits for that which a listener begins now.
                await self.said.over.wait()

    async def _read(self) -> None:
        """Take what comes next."""
        try:
            piece = await self._pulled()
            if piece is None:
                raise BodyBroken("the handler let go of it")
            for message in self._buffer.feed(piece):
                if isinstance(message, Close | Failure):
                    await self._closed(message[0], message[1])
                    return
                self._messages.append(message)
        except OSError:
            await self._failed(_INTERNAL_ERROR, "")  # as the server tells clients

    async def _pulled(self) -> bytes | None:
        """The next piece. Raises BodyBroken when background work has failed, behind what was said before.

        Cancel: the piece is the next call's.
        """
        assert self._heard is not None, "it has begun"
        loop = asyncio.get_running_loop()
        pulling = self._pulling = self._pulling or loop.create_task(self._heard.pull())
        while not pulling.done():
            either: list[asyncio.Future[Any]] = [pulling, self._failure]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done() and not pulling.done():
                self._why = self._why or await self._explained()  # what was said before is here by then
                if self._why is None:  # the test knows already
                    self._failure = loop.create_future()
                elif not pulling.done():
                    raise BodyBroken("background work of the handler has failed")
        self._pulling = None
        return pulling.result()

    async def _closed(self, code: int, reason: str) -> None:
        self._note(f"<- close {code} {reason}".rstrip())
        if not self._has_closed:
            await self._say_last(Close(code, reason))
        if code == _INTERNAL_ERROR:  # of an adapter, perhaps, whose application raised something
            await self._failed(code, reason)
        else:
            self.end = WebSocketDisconnect(code, reason)

    async def _failed(self, code: int, reason: str) -> None:
        self._is_untold = True
        self.end = self._why or await self._explained() or WebSocketDisconnect(code, reason)

    async def _explained(self) -> Exception | None:
        try:
            await self._exchanges.explain_break()
        except Exception as error:  # user code: whatever the handler raised
            return error
        return None

    async def _say_last(self, message: Close | Failure) -> None:
        self._has_closed = True
        await self.said.put(encode(message))
        self.said.end(None)

    def _note(self, text: str) -> None:
        self._exchanges.note("message", text)

    def _raise_end(self) -> None:
        if self.end is not None:
            self._is_untold = False
            raise self.end
        if self._has_closed:
            raise WebSocketDisconnect(_ABNORMAL, "the test has closed it")
