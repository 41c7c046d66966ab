"""Both ends of the isolate boundary, joined by a socket pair in one process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from paddock.worker import wire
from paddock.worker.bodies import WholeBody
from paddock.worker.channel import BodyBroken, ByteSource
from paddock.worker.peer import IncomingFetch, Peer, PeerFault, PeerGone, RemoteBody

Serve = Callable[[IncomingFetch], Awaitable[None]]


class Pieces:
    """A source that records how far it was read and whether it was cancelled."""

    def __init__(self, *pieces: bytes) -> None:
        self.rest = list(pieces)
        self.pulled = 0
        self.is_cancelled = asyncio.Event()

    async def pull(self) -> bytes | None:
        self.pulled += 1
        return self.rest.pop(0) if self.rest else None

    async def cancel(self, reason: object) -> None:
        self.is_cancelled.set()


class Endless(Pieces):
    async def pull(self) -> bytes | None:
        self.pulled += 1
        return b"x"


async def refuse(incoming: IncomingFetch) -> None:
    incoming.fault("Error", "not served here")


@contextlib.asynccontextmanager
async def pair(server: Serve, isolate: Serve) -> AsyncIterator[tuple[Peer, Peer]]:
    ours, theirs = socket.socketpair()
    others: list[wire.Frame] = []
    left, right = Peer(2, server, others.append), Peer(1, isolate, others.append)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(left.run(ours))
        tasks.create_task(right.run(theirs))
        await left.opened.wait()
        await right.opened.wait()
        try:
            yield left, right
        finally:
            left.close()
            right.close()


def fetch_from(peer: Peer, cause: int | None = None) -> wire.Fetch:
    return wire.Fetch(peer.number(), "default", "GET", "http://worker.test/", (), None, cause)


async def read(body: bytes | ByteSource | None) -> bytes:
    assert body is not None
    if isinstance(body, bytes):
        return body
    return b"".join([piece async for piece in _iterate(body)])


async def _iterate(body: ByteSource) -> AsyncIterator[bytes]:
    while (piece := await body.pull()) is not None:
        yield piece


def test_small_bodies_travel_in_the_head() -> None:
    async def echo(incoming: IncomingFetch) -> None:
        assert isinstance(incoming.body, bytes)
        incoming.reply(201, "Created", (("a", "1"), ("a", "2")), incoming.body[::-1])

    async def run() -> None:
        async with pair(refuse, echo) as (server, _):
            answer = await server.fetch(fetch_from(server), b"abc")
            assert (answer.status, answer.headers, answer.body) == (201, (("a", "1"), ("a", "2")), b"cba")

    asyncio.run(run())


def test_large_bodies_stream_whole_and_in_order() -> None:
    body = bytes(range(256)) * 3000

    async def echo(incoming: IncomingFetch) -> None:
        incoming.reply(200, "", (), await read(incoming.body))

    async def run() -> None:
        async with pair(refuse, echo) as (server, _):
            answer = await server.fetch(fetch_from(server), body)
            assert isinstance(answer.body, RemoteBody)
            assert await read(answer.body) == body

    asyncio.run(run())


def test_parts_travel_beside_the_body_and_come_back_unread() -> None:
    source = WholeBody(b"streamed")

    async def echo(incoming: IncomingFetch) -> None:
        incoming.reply(200, "", (), incoming.body, parts=incoming.parts)

    async def run() -> None:
        async with pair(refuse, echo) as (server, _):
            answer = await server.fetch(fetch_from(server), b"body", [None, b"whole", source])
            assert (answer.body, *answer.parts) == (b"body", None, b"whole", source)

    asyncio.run(run())


def test_a_body_that_outlives_its_event_is_over_for_its_reader_too() -> None:
    taken: list[ByteSource] = []

    async def keep(incoming: IncomingFetch) -> None:
        assert isinstance(incoming.body, RemoteBody)
        taken.append(incoming.body)
        incoming.reply(200, "", (), None)

    async def run() -> None:
        async with pair(refuse, keep) as (server, isolate):
            event = fetch_from(server)
            await server.fetch(event, WholeBody(b"never read"))
            server.close_bodies_of(event.id)
            with pytest.raises(PeerGone, match="the request that it was made for is over"):
                await taken[0].pull()
            assert not isolate._reading

    asyncio.run(run())


def test_a_reply_is_sent_when_its_last_part_is_over() -> None:
    over: list[bool] = []

    async def serve(incoming: IncomingFetch) -> None:
        incoming.reply(200, "", (), b"body", parts=[WholeBody(b"part")])
        await incoming.sent()
        over.append(True)

    async def run() -> None:
        async with pair(refuse, serve) as (server, _):
            answer = await server.fetch(fetch_from(server), None)
            assert not over
            assert await read(answer.parts[0]) == b"part"
            await server.fetch(fetch_from(server), None)
            assert over

    asyncio.run(run())


def test_an_unread_body_is_not_pulled_from_its_source() -> None:
    source_made: list[Endless] = []

    async def serve(incoming: IncomingFetch) -> None:
        source_made.append(Endless())
        incoming.reply(200, "", (), source_made[0])

    async def run() -> None:
        async with pair(refuse, serve) as (server, _):
            answer = await server.fetch(fetch_from(server), None)
            assert source_made[0].pulled == 0
            assert isinstance(answer.body, RemoteBody)
            assert await answer.body.pull() == b"x"
            assert source_made[0].pulled <= 17, "the window bounds what is read ahead"
            await answer.body.cancel()
            await source_made[0].is_cancelled.wait()

    asyncio.run(run())


def test_a_body_handed_back_unread_is_joined_without_crossing() -> None:
    """The server's own source comes back as the reply's body: no piece frame is made (PW-138)."""
    source = []

    async def binding(incoming: IncomingFetch) -> None:
        source.append(Pieces(b"one", b"two"))
        incoming.reply(200, "", (), source[0])

    async def run() -> None:
        async def handler(incoming: IncomingFetch) -> None:
            answer = await isolate.fetch(fetch_from(isolate, incoming.fetch.id), b"{}")
            incoming.reply(200, "", (), answer.body)
            isolate.send(wire.Finished(incoming.fetch.id))

        async with pair(binding, handler) as (server, isolate):
            answer = await server.fetch(fetch_from(server), None)
            assert answer.body is source[0]
            assert source[0].pulled == 0

    asyncio.run(run())


def test_cancelling_a_fetch_cancels_the_other_ends_task() -> None:
    async def run() -> None:
        entered, cancelled = asyncio.Event(), asyncio.Event()

        async def stuck(incoming: IncomingFetch) -> None:
            entered.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with pair(refuse, stuck) as (server, _), asyncio.TaskGroup() as tasks:
            call = tasks.create_task(server.fetch(fetch_from(server), None))
            await entered.wait()
            call.cancel()
            await cancelled.wait()

    asyncio.run(run())


def test_a_fetch_that_is_cancelled_at_once_is_still_begun() -> None:
    """Its handler's clean-up is what tells the other end that the event is over."""

    async def run() -> None:
        cancelled = asyncio.Event()

        async def stuck(incoming: IncomingFetch) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with pair(refuse, stuck) as (server, _):
            fetch = fetch_from(server)
            server.send(fetch)
            server.send(wire.Cancel(fetch.id))
            await cancelled.wait()

    asyncio.run(run())


def test_a_body_that_is_closed_at_once_is_cancelled() -> None:
    async def run() -> None:
        source = Endless()

        async def serve(incoming: IncomingFetch) -> None:
            incoming.reply(200, "", (), source)

        async with pair(refuse, serve) as (server, _):
            answer = await server.fetch(fetch_from(server), None)
            assert isinstance(answer.body, RemoteBody)
            server.send(wire.Credit(answer.body.id, 1))
            await answer.body.cancel()
            await source.is_cancelled.wait()

    asyncio.run(run())


def test_the_unread_body_of_a_fetch_is_closed_with_its_event() -> None:
    async def run() -> None:
        source = Endless()

        async with pair(refuse, refuse) as (server, _):
            fetch = fetch_from(server)
            with pytest.raises(PeerFault):
                await server.fetch(fetch, source)
            server.close_bodies_of(fetch.id)
            await source.is_cancelled.wait()

    asyncio.run(run())


def test_a_body_that_is_handed_back_after_its_event_is_broken() -> None:
    async def binding(incoming: IncomingFetch) -> None:
        incoming.reply(200, "", (), Pieces(b"one"))

    async def run() -> None:
        async def handler(incoming: IncomingFetch) -> None:
            answer = await isolate.fetch(fetch_from(isolate, cause=42), None)
            server.close_bodies_of(42)
            incoming.reply(200, "", (), answer.body)

        async with pair(binding, handler) as (server, isolate):
            answer = await server.fetch(fetch_from(server), None)
            assert answer.body is not None
            assert not isinstance(answer.body, bytes)
            with pytest.raises(BodyBroken, match="is over"):
                await answer.body.pull()

    asyncio.run(run())


@pytest.mark.parametrize("message", ["a lone \ud800", "x" * 100_000_000 + "boom"])
def test_a_fault_can_always_be_sent(message: str) -> None:
    async def fail(incoming: IncomingFetch) -> None:
        incoming.fault("ValueError", message, message)

    async def run() -> None:
        async with pair(refuse, fail) as (server, _):
            with pytest.raises(PeerFault, match=r"boom|\\ud800"):
                await server.fetch(fetch_from(server), None)

    asyncio.run(run())


def test_a_fault_carries_name_message_and_stack() -> None:
    async def fail(incoming: IncomingFetch) -> None:
        incoming.fault("ValueError", "boom", "line 1")

    async def run() -> None:
        async with pair(refuse, fail) as (server, _):
            with pytest.raises(PeerFault, match="ValueError: boom") as caught:
                await server.fetch(fetch_from(server), None)
            assert caught.value.stack == "line 1"

    asyncio.run(run())


def test_death_of_one_end_fails_open_fetches_and_bodies_of_the_other() -> None:
    async def run() -> None:
        async def serve(incoming: IncomingFetch) -> None:
            if incoming.fetch.method == "GET":
                incoming.reply(200, "", (), Endless())
            else:
                isolate.close()

        async with pair(refuse, serve) as (server, isolate):
            answer = await server.fetch(fetch_from(server), None)
            assert isinstance(answer.body, RemoteBody)
            await answer.body.pull()
            with pytest.raises(PeerGone):
                await server.fetch(wire.Fetch(server.number(), "default", "POST", "http://w/", (), None), None)
            with pytest.raises(PeerGone):
                await read(answer.body)

    asyncio.run(run())


def test_bodies_of_a_finished_event_are_closed() -> None:
    async def run() -> None:
        source = Endless()

        async def binding(incoming: IncomingFetch) -> None:
            incoming.reply(200, "", (), source)

        async with pair(binding, refuse) as (server, isolate):
            await isolate.fetch(fetch_from(isolate, cause=42), None)
            server.close_bodies_of(42)
            await source.is_cancelled.wait()

    asyncio.run(run())


def test_a_source_that_breaks_off_is_an_error_at_the_reader() -> None:
    class Broken(Pieces):
        async def pull(self) -> bytes | None:
            raise OSError("the disk is on fire")

    async def serve(incoming: IncomingFetch) -> None:
        incoming.reply(200, "", (), Broken())

    async def run() -> None:
        async with pair(refuse, serve) as (server, _):
            answer = await server.fetch(fetch_from(server), None)
            with pytest.raises(PeerGone, match="the disk is on fire"):
                await read(answer.body)

    asyncio.run(run())


def test_garbage_from_the_other_end_closes_the_connection() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        peer = Peer(2, refuse, lambda _: None)
        theirs.sendall(b"\x00\x00\x00\x02\xc1\xc1")
        async with asyncio.timeout(10):
            await peer.run(ours)
        assert peer.failure is not None
        theirs.close()

    asyncio.run(run())
