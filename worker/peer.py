"""One end of the isolate boundary: opens fetches, answers fetches, moves bodies on credit. Both ends are this class.

Lifetimes. `Peer.run` owns every task of the connection and returns when the connection is over. A fetch that this end
opened lives until its reply, its fault, or the cancellation of the task that waits for it. A body that this end writes
does nothing until the reader grants credit; it ends with its source, with `Close` from the reader, or with the
connection, and its source is cancelled on each of these ways out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

import msgspec

from paddock.worker import wire
from paddock.worker.bodies import ClosedBody, PeerGone, RemoteBody
from paddock.worker.channel import Channel, WireError
from paddock.worker.outgoing import OutgoingBodies, cancel_begun

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Sequence

    from paddock.worker.bodies import LocalBody
    from paddock.worker.channel import ByteSource
    from paddock.worker.wire import FetchId, Frame, Headers

__all__ = ["Answer", "Handler", "IncomingFetch", "Parts", "Peer", "PeerFault", "PeerGone", "RemoteBody"]

#: Bodies beside the body.
Parts: TypeAlias = "Sequence[bytes | ByteSource | None]"
#: Of an exception's longer texts, the end is sent: there stands what was raised.
_FAULT_CHARACTERS: Final = 64 * 1024


class PeerFault(Exception):
    """The other end answered a fetch with an exception instead of a reply."""

    def __init__(self, name: str, message: str, stack: str = "", report: bytes = b"") -> None:
        super().__init__(f"{name}: {message}")
        self.name, self.message, self.stack, self.report = name, message, stack, report


class Answer(NamedTuple):
    """A reply as its caller sees it. `body` is complete, or a source that the caller must read or cancel."""

    status: int
    status_text: str
    headers: Headers
    body: bytes | ByteSource | None
    url: str = ""
    #: As `body`, and beside it: what the values of a call refer to.
    parts: Parts = ()


class Handler(Protocol):
    """Answers the fetches of the other end. Must call `reply` or `fault` once and must not raise."""

    def __call__(self, incoming: IncomingFetch, /) -> Awaitable[None]: ...


class IncomingFetch:
    """A fetch of the other end, and the one way to answer it."""

    def __init__(self, peer: Peer, fetch: wire.Fetch, body: bytes | ByteSource | None, parts: Parts = ()) -> None:
        self._peer = peer
        self._writing: list[LocalBody] = []
        #: True once it is said that nothing of this fetch goes on.
        self.is_finished = False
        self.fetch = fetch
        self.body = body
        self.parts = parts

    def reply(
        self,
        status: int,
        status_text: str,
        headers: Headers,
        body: bytes | ByteSource | None,
        url: str = "",
        parts: Parts = (),
        *,
        is_last: bool = False,
    ) -> None:
        """Send the head, and the bodies with it or behind it. `is_last`: nothing but they is left of the event."""
        described, *beside = (self._peer.describe(part, self.fetch.cause) for part in (body, *parts))
        reply = wire.Reply(self.fetch.id, status, status_text, headers, described, url, tuple(beside))
        self._writing = [record for part in (described, *beside) if (record := self._peer.writing(part))]
        self.is_finished = is_last and not self._writing
        if self.is_finished:
            self._peer.send(reply, wire.Finished(self.fetch.id))
        else:
            self._peer.send(reply)

    async def sent(self) -> None:
        """Return when the reply's bodies are over: written to their end, broken off, or closed by the reader."""
        for body in self._writing:
            await body.over.wait()

    def fault(self, name: str, message: str, stack: str = "", report: bytes = b"") -> None:
        """End the fetch with an exception. Its texts are user code's: lone surrogates are escaped, the rest is cut."""
        self._peer.send(wire.Fault(self.fetch.id, _sendable(name), _sendable(message), _sendable(stack), report))


class Peer:
    """A connection. `first_id`: 2 on the server, 1 in the isolate. Frames that are not of a fetch go to `on_other`."""

    def __init__(self, first_id: int, handler: Handler, on_other: Callable[[Frame], None]) -> None:
        self._parity = first_id % 2
        self._next_id = first_id
        self._handler = handler
        self._on_other = on_other
        self._channel: Channel | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._reading: dict[int, RemoteBody] = {}
        self._outgoing = OutgoingBodies(self.send, self._drained)
        self._gone = asyncio.Event()
        #: Set once frames can be sent.
        self.opened = asyncio.Event()
        self.failure: Exception | None = None

    async def run(self, sock: socket.socket) -> None:
        """Serve the connection until it ends. Then every open fetch fails with PeerGone and every task is cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._outgoing.tasks = self._tasks
                self._channel = await Channel.open(sock, self._receive, self._gone.set)
                self.opened.set()
                await self._gone.wait()
                for task in self._serving.values():
                    task.cancel()
                self._outgoing.cancel()
        finally:
            self._gone.set()
            self.close()
            await self._abandon()

    @property
    def is_gone(self) -> bool:
        """True once the connection is over."""
        return self._gone.is_set()

    def number(self) -> FetchId:
        """A fresh id for a fetch or a body of this end."""
        number, self._next_id = self._next_id, self._next_id + 2
        return wire.FetchId(number)

    async def fetch(self, fetch: wire.Fetch, body: bytes | ByteSource | None, parts: Parts = ()) -> Answer:
        """Send a fetch and wait for the reply. Its id comes from `number`, its bodies are filled in here.

        Cancel: the other end ends the scope. Raises PeerFault with the other end's exception, PeerGone when it died.
        """
        if self._gone.is_set():
            raise PeerGone("the other end is gone")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[fetch.id] = future
        try:
            # Its bodies are closed with the event: a handler need not read what it was sent.
            described, *beside = (self.describe(part, fetch.id) for part in (body, *parts))
            self.send(msgspec.structs.replace(fetch, body=described, parts=tuple(beside)))
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._discard(future.result())
            else:
                self.send(wire.Cancel(fetch.id))
            raise
        finally:
            del self._waiting[fetch.id]

    def send(self, *frames: Frame) -> None:
        """Queue frames, in one write; after the end of the connection nothing happens."""
        assert self._channel is not None, "wait for `opened` before the first frame"
        self._channel.send(*map(wire.encode, frames))

    def close(self) -> None:
        """Hang up. `run` returns soon after."""
        if self._channel is not None:
            self._channel.close()

    def leave(self) -> None:
        """Hang up when everything that was sent has left."""
        if self._channel is not None:
            self._channel.finish()

    def describe(self, body: bytes | ByteSource | None, cause: int | None) -> wire.Body:
        """How the body stands in a head: inline, by the id of its owner, or as a new stream."""
        if body is None or (isinstance(body, bytes) and len(body) <= wire.INLINE_BODY_BYTES):
            return body
        if isinstance(body, RemoteBody) and body.is_of(self):
            body.hand_back()
            return body.id
        number = self.number()
        self._outgoing.add(number, body, cause)
        return number

    def writing(self, body: wire.Body) -> LocalBody | None:
        """The record of a body that this end writes; None for any other."""
        return self._outgoing.find(body) if isinstance(body, int) else None

    def forget(self, body: RemoteBody) -> None:
        self._reading.pop(body.id, None)

    def _resolve(self, body: wire.Body) -> bytes | ByteSource | None:
        """The body that a head names: a stream of the other end, or one of ours that comes back unread."""
        if body is None or isinstance(body, bytes):
            return body
        if body % 2 != self._parity:
            remote = self._reading[body] = RemoteBody(self, wire.BodyId(body))
            return remote
        source = self._outgoing.take_back(body)
        # Closed by the end of its event, after which user code may still have passed it on.
        return ClosedBody() if source is None else source

    def _receive(self, payload: bytes) -> None:
        try:
            self._dispatch(wire.decode(payload))
        except (ValueError, WireError) as error:
            self.failure = error
            self.close()

    def _dispatch(self, frame: Frame) -> None:
        match frame:
            case wire.Piece(body, data):
                if remote := self._reading.get(body):
                    remote.deliver(data)
            case wire.Credit(body, pieces):
                self._outgoing.credit(body, pieces)
            case wire.Fetch():
                self._serve(frame)
            case wire.Reply(number) | wire.Fault(number):
                self._settle(number, frame)
            case wire.End(body, error):
                if remote := self._reading.pop(body, None):
                    remote.end(error)
            case wire.Close(body):
                self._outgoing.stop(body)
            case wire.Cancel(number):
                if task := self._serving.get(number):
                    cancel_begun(task)
            case _:
                self._on_other(frame)

    def _settle(self, number: FetchId, frame: wire.Reply | wire.Fault) -> None:
        # Bodies are resolved here and not where the caller wakes up: a Finished frame right behind the reply would
        # close a body that the reply hands back.
        future = self._waiting.get(number)
        if isinstance(frame, wire.Fault):
            if future is not None and not future.done():
                future.set_exception(PeerFault(frame.name, frame.message, frame.stack, frame.report))
            return
        body, *parts = (self._resolve(part) for part in (frame.body, *frame.parts))
        answer = Answer(frame.status, frame.status_text, frame.headers, body, frame.url, parts)
        if future is None or future.done():
            self._discard(answer)  # the caller left while the reply was on its way
        else:
            future.set_result(answer)

    def _discard(self, answer: Answer) -> None:
        """Cancel the bodies of a reply that nobody will read."""
        for body in (answer.body, *answer.parts):
            if self._tasks is not None and body is not None and not isinstance(body, bytes):
                self._tasks.create_task(body.cancel(None))

    def _serve(self, fetch: wire.Fetch) -> None:
        assert self._tasks is not None
        if fetch.id in self._serving:
            raise WireError(f"fetch {fetch.id} is open already")
        body, *parts = (self._resolve(part) for part in (fetch.body, *fetch.parts))
        incoming = IncomingFetch(self, fetch, body, parts)

        async def answer() -> None:
            try:
                await self._handler(incoming)
            finally:
                del self._serving[fetch.id]

        self._serving[fetch.id] = self._tasks.create_task(answer(), name=f"fetch-{fetch.id}")

    async def _drained(self) -> None:
        assert self._channel is not None
        await self._channel.drained()

    def close_bodies_of(self, cause: int) -> None:
        """Close every body that was made on behalf of this event. The other end, which may still hold it, is told."""
        self._outgoing.close_of(cause)

    async def _abandon(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(PeerGone("the other end died or hung up before it replied"))
        for remote in self._reading.values():
            remote.end("the other end died or hung up in the middle of the body")
        await self._outgoing.abandon()


def _sendable(text: str) -> str:
    return text[-_FAULT_CHARACTERS:].encode(errors="backslashreplace").decode()
