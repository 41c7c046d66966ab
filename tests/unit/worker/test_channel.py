import asyncio
import socket

import pytest

from paddock.worker.channel import MAX_FRAME_BYTES, Channel, FrameBuffer, WireError, frame


def test_frames_survive_any_cut_of_the_stream() -> None:
    sent = [b"", b"a", b"x" * 70_000]
    data = b"".join(frame(payload) for payload in sent)
    for size in (1, 3, 4, 5, 65_536):
        buffer = FrameBuffer()
        got = [payload for i in range(0, len(data), size) for payload in buffer.feed(data[i : i + size])]
        assert got == sent


def test_an_announced_frame_over_the_limit_is_refused_before_it_is_buffered() -> None:
    header = (MAX_FRAME_BYTES + 1).to_bytes(4, "big")
    with pytest.raises(WireError, match="at most"):
        list(FrameBuffer().feed(header))


def test_closing_one_end_is_reported_once_at_the_other() -> None:
    async def run() -> list[str]:
        ours, theirs = socket.socketpair()
        heard: list[str] = []
        closed = asyncio.Event()

        def on_closed() -> None:
            heard.append("closed")
            closed.set()

        ends = [await Channel.open(ours, lambda _: None, on_closed), await Channel.open(theirs, print, lambda: None)]
        ends[1].close()
        await closed.wait()
        ends[0].send(b"into the void")
        ends[0].close()
        return heard

    assert asyncio.run(run()) == ["closed"]


def test_what_was_sent_before_finish_arrives_although_the_peer_writes_too() -> None:
    async def run() -> int:
        ours, theirs = socket.socketpair()
        got: list[bytes] = []
        closed = asyncio.Event()

        def receive(payload: bytes) -> None:
            got.append(payload)
            reader.send(b"thanks")

        reader = await Channel.open(ours, receive, lambda: None)
        writer = await Channel.open(theirs, lambda _: None, closed.set)
        for _ in range(64):
            writer.send(b"x" * 65_536)
        writer.finish()
        writer.send(b"too late")
        async with asyncio.timeout(10):
            await closed.wait()
        return len(got)

    assert asyncio.run(run()) == 64


def test_a_slow_reader_holds_drained_back() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.open(ours, lambda _: None, lambda: None)
        for _ in range(64):
            channel.send(b"x" * 65_536)
        waiting = asyncio.ensure_future(channel.drained())  # noqa: TID251 - the test itself is the parent
        await asyncio.sleep(0)
        assert not waiting.done()
        theirs.setblocking(False)
        loop = asyncio.get_running_loop()
        while not waiting.done():
            await loop.sock_recv(theirs, 1 << 20)
        channel.close()
        theirs.close()

    asyncio.run(run())
