"""The server's own end with 64 streams open: in order, and killed."""

import asyncio
import os
import select
import signal

import httpx

LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
STREAMS = 64


async def stream_until_the_end(server, client, number: int, begun: asyncio.Semaphore) -> str:
    """How the stream ended: `whole` with its last event, `broken` as the server breaks off what fails."""
    inputs = {"model": LLAMA, "prompt": f"Tell me about {number} lighthouses.", "max_tokens": 1500}
    path, more = (("/client/v4/accounts/any/ai/run", {"stream": True}), ("/stream", {}))[number % 2]
    text = ""
    try:
        async with client.stream("POST", path, json={**inputs, **more}) as reply:
            async for piece in reply.aiter_text():
                text += piece
                begun.release()
    except (httpx.RemoteProtocolError, httpx.ReadError):
        return "broken"
    return "whole" if text.endswith("data: [DONE]\n\n") else f"cut: {text[-80:]!r}"


async def end_under_load(server, end) -> list[str]:
    """How 64 streams end, half of them through the handler, when the server is ended in their middle."""
    async with server.client() as client:
        await client.warm(LLAMA)
        async with asyncio.TaskGroup() as group:
            begun = asyncio.Semaphore(0)
            streams = [group.create_task(stream_until_the_end(server, client, n, begun)) for n in range(STREAMS)]
            await client.until(LLAMA, lambda found: found.get("running") == STREAMS)
            for _ in range(STREAMS):
                await begun.acquire()
            await asyncio.to_thread(end)
        return [stream.result() for stream in streams]


def wait_for_ends(handles: list[int], timeout_s: float) -> int:
    """How many of these processes are left after this time."""
    left, poller = set(handles), select.poll()
    for handle in handles:
        poller.register(handle, select.POLLIN)
    while left and (ended := poller.poll(timeout_s * 1000)):
        for handle, _ in ended:
            poller.unregister(handle)
            os.close(handle)
            left.discard(handle)
    return len(left)


def test_sigterm_under_load(doomed, measured) -> None:
    handles: list[int] = []

    def end() -> None:
        handles.extend(os.pidfd_open(pid) for pid in doomed.below())
        with measured(f"SIGTERM with {STREAMS} streams: the server has left"):
            assert doomed.stop(signal.SIGTERM) == 0

    endings = asyncio.run(end_under_load(doomed, end))
    assert set(endings) <= {"whole", "broken"}
    assert len(handles) >= 3, "an isolate, the fork server and an engine host"
    assert wait_for_ends(handles, 0) == 0


def test_kill_under_load(doomed, measured) -> None:
    def end() -> None:
        handles = [os.pidfd_open(pid) for pid in doomed.below()]
        assert len(handles) >= 3, "an isolate, the fork server and an engine host"
        with measured(f"server killed with {STREAMS} streams: nothing of it is left"):
            doomed.process.kill()
            assert wait_for_ends(handles, 10) == 0
        doomed.stop(signal.SIGKILL)

    assert set(asyncio.run(end_under_load(doomed, end))) == {"broken"}
