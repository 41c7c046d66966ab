"""The host's end of the engine connection: it never blocks a step, and its queue is bounded by `is_congested`."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.ai.engines.frames import AskStats, Fatal, FromHost, decode_from_host, encode
from paddock.bindings.ai.engines.link import ServerLink
from paddock.worker.channel import FrameBuffer, frame

if TYPE_CHECKING:
    from collections.abc import Iterator

BIG = Fatal("x" * 100_000)


@pytest.fixture
def ends() -> Iterator[tuple[ServerLink, socket.socket]]:
    """A link, and the server's end of its connection."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        yield ServerLink(theirs), ours


def _read_all(link: ServerLink, server: socket.socket, count: int) -> list[FromHost]:
    buffer, messages = FrameBuffer(), list[FromHost]()
    while len(messages) < count:
        messages += [decode_from_host(payload) for payload in buffer.feed(server.recv(1 << 20))]
        link.receive(wait=False)
    return messages


def test_messages_arrive_in_order(ends: tuple[ServerLink, socket.socket]) -> None:
    link, server = ends
    server.sendall(frame(encode(AskStats(1))) + frame(encode(AskStats(2))))
    assert link.receive(wait=True) == [AskStats(1), AskStats(2)]


def test_nothing_to_receive_does_not_block(ends: tuple[ServerLink, socket.socket]) -> None:
    link, _ = ends
    assert link.receive(wait=False) == []


def test_wake_ends_a_wait(ends: tuple[ServerLink, socket.socket]) -> None:
    link, _ = ends
    link.wake()
    assert link.receive(wait=True) == []


def test_wakes_that_nobody_waits_for_do_not_block(ends: tuple[ServerLink, socket.socket]) -> None:
    link, _ = ends
    for _ in range(100_000):  # more than a pipe holds
        link.wake()
    assert link.receive(wait=True) == []


def test_server_that_does_not_read_congests_the_link_and_blocks_nothing(
    ends: tuple[ServerLink, socket.socket],
) -> None:
    link, server = ends
    sent = 0
    while not link.is_congested:
        link.send(BIG)
        sent += 1
    assert _read_all(link, server, sent) == [BIG] * sent
    assert not link.is_congested
