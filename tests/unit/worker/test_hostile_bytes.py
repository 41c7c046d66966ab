"""Whatever comes over the connection: frames survive every cut, and bytes that are none are refused in one way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddock.worker import wire
from paddock.worker.channel import FrameBuffer, WireError, frame
from paddock.worker.peer import IncomingFetch, Peer

PAYLOADS = st.lists(st.binary(max_size=300), max_size=8)
#: What MessagePack has room for.
NUMBERS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats(allow_nan=False)


@given(PAYLOADS, st.lists(st.integers(1, 200), min_size=1))
def test_frames_survive_every_cut(payloads: list[bytes], cuts: list[int]) -> None:
    data = b"".join(frame(payload) for payload in payloads)
    buffer, found, at = FrameBuffer(), [], 0
    for i in range(len(data) + 1):
        size = cuts[i % len(cuts)]
        found += buffer.feed(data[at : at + size])
        at += size
    assert found == payloads


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_a_buffer_holds_no_more_than_it_was_fed(pieces: list[bytes]) -> None:
    buffer, fed, given_out = FrameBuffer(), 0, 0
    with contextlib.suppress(WireError):
        for piece in pieces:
            fed += len(piece)
            given_out += sum(4 + len(payload) for payload in buffer.feed(piece))
            assert len(buffer._rest) == fed - given_out


def frames() -> st.SearchStrategy[wire.Frame]:
    """Every kind of frame, with everything that its fields can hold."""
    return st.one_of([_built(kind) for kind in get_args(wire.Frame)])


def _built(struct: Any) -> st.SearchStrategy[Any]:
    return st.builds(struct, **{name: _values(hint) for name, hint in get_type_hints(struct).items()})


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if hint is int or getattr(hint, "__supertype__", None) is int:
        return NUMBERS
    if hint is float:
        return FLOATS
    if hint == tuple[wire.BindingSpec, ...]:
        return st.lists(_built(wire.BindingSpec), max_size=2).map(tuple)
    if hint == tuple[wire.Body, ...]:
        return st.lists(_values(wire.Body), max_size=2).map(tuple)
    if options := [option for option in get_args(hint) if option is not type(None)]:
        if type(None) in get_args(hint):
            return st.one_of(st.none(), *map(_values, options))
        if hint == bytes | int:
            return st.one_of(st.binary(max_size=50), NUMBERS)
    return st.from_type(hint)


@given(frames())
def test_every_frame_comes_back_as_it_was(sent: wire.Frame) -> None:
    assert wire.decode(wire.encode(sent)) == sent


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=200), frames().map(wire.encode).flatmap(lambda whole: _damaged(whole))))
def test_bytes_that_are_no_frame_are_refused_as_such(payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        wire.decode(payload)


def _damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """A frame with one byte changed, or without its end."""
    place = st.integers(0, len(whole) - 1)
    changed = st.tuples(place, st.integers(0, 255)).map(lambda at: whole[: at[0]] + bytes([at[1]]) + whole[at[0] + 1 :])
    return st.one_of(changed, place.map(lambda end: whole[:end]))


@pytest.mark.parametrize("is_server", [True, False])
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_peer_takes_any_frames_in_any_order_or_hangs_up(is_server: bool, data: st.DataObject) -> None:
    """Nothing that one end sends can make the other raise: what it takes for nonsense ends the connection."""
    sent = data.draw(st.lists(st.one_of(frames().map(wire.encode), st.binary(max_size=50)), max_size=12))

    async def answer(incoming: IncomingFetch) -> None:
        incoming.reply(200, "", (), incoming.body)

    def refuse(other: wire.Frame) -> None:
        if not isinstance(other, wire.Finished):
            raise ValueError(f"unexpected frame {type(other).__name__}")

    async def run() -> None:
        ours, theirs = socket.socketpair()
        peer = Peer(2 if is_server else 1, answer, refuse)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(peer.run(ours))
            theirs.setblocking(False)
            with theirs, contextlib.suppress(OSError):
                for payload in sent:
                    await loop.sock_sendall(theirs, frame(payload))
                theirs.shutdown(socket.SHUT_WR)
                while await loop.sock_recv(theirs, 65_536):
                    pass

    asyncio.run(run())
