"""Engine hosts that are killed or stopped, whatever they do, and the death of the fork server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import httpx
import pytest

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"


async def begun(reply: httpx.Response) -> AsyncIterator[str]:
    """The rest of an answer whose first piece has come."""
    assert reply.status_code == 200
    pieces = reply.aiter_text()
    await anext(pieces)
    return pieces


async def expect_break(pieces: AsyncIterator[str]) -> None:
    """Read to the end, which must not look like one."""
    with pytest.raises(httpx.RemoteProtocolError):
        async for _ in pieces:
            pass


def test_kill_while_loading(server, measured) -> None:
    async def run() -> None:
        async with server.client() as client, asyncio.TaskGroup() as calls:
            await client.warm(LLAMA)  # the fork server has imported everything
            await client.unload(PHI)
            before = server.hosts
            asked = calls.create_task(client.answer(PHI))
            while not (new := server.hosts - before):  # noqa: ASYNC110 - a new process has no event
                await asyncio.sleep(0)
            (host,) = new
            os.kill(host, signal.SIGSTOP)
            assert (await client.status(PHI))["state"] == "loading"
            os.kill(host, signal.SIGKILL)
            with measured("host killed while loading: its call has its error"):
                reply = await asked
            assert reply.status_code == 503
            assert "did not load (phase" in reply.text and "signal 9 (SIGKILL)" in reply.text
            with measured("host killed while loading: the next call is answered"):
                await client.warm(PHI)

    asyncio.run(run())


def test_kill_while_idle(server, measured) -> None:
    """The call that comes at once, before anybody has noticed, is answered."""

    async def run() -> None:
        async with server.client() as client:
            host = await client.warm(PHI)
            assert server.below(server.nursery) >= {host}
            assert not server.below(host), "vLLM has no children of its own here"
            os.kill(host, signal.SIGKILL)
            with measured("host killed while idle: the next call is answered"):
                assert await client.warm(PHI) != host

    asyncio.run(run())


def test_kill_in_prefill(server, measured) -> None:
    """A stream that has begun breaks off. Calls whose prompt is being read have an error, or go to the next host."""

    async def ask(client, number: int) -> str:
        reply = await client.answer(LLAMA, prompt=f"{number} lighthouses. " * 200)
        return reply.headers.get("paddock-error", "answered")

    async def run() -> None:
        async with server.client() as client:
            host = await client.warm(LLAMA)
            async with client.streamed(LLAMA) as reply, asyncio.TaskGroup() as group:
                pieces = await begun(reply)
                calls = [group.create_task(ask(client, number)) for number in range(16)]
                await client.until(LLAMA, lambda found: found.get("running", 0) > 1)
                os.kill(host, signal.SIGKILL)
                with measured("host killed in prefill of 16 long prompts: every call has its end"):
                    await expect_break(pieces)
                    assert {await call for call in calls} <= {"engine_dead", "answered"}
            with measured("host killed in prefill: the next call is answered"):
                assert await client.warm(LLAMA) != host

    asyncio.run(run())


def test_hang_in_mid_stream(server, measured) -> None:
    """A stopped host is killed after `stall_timeout_s` (4 here); meanwhile the server tells what it knows."""

    async def run() -> None:
        async with server.client() as client, asyncio.TaskGroup() as group:
            host = await client.warm(LLAMA)
            whole = group.create_task(client.answer(LLAMA, max_tokens=1900))
            async with client.streamed(LLAMA) as reply:
                pieces = await begun(reply)
                await client.until(LLAMA, lambda found: found.get("running") == 2)
                os.kill(host, signal.SIGSTOP)
                found = await client.status(LLAMA)
                assert found["pid"] == host and "running" not in found
                with measured("host stopped in mid-stream (stall_timeout_s 4): its calls have their error"):
                    await expect_break(pieces)
                    error = await whole
            assert error.status_code == 500
            assert "hangs: no answer and no work for 4 s" in error.text
            assert await client.warm(LLAMA) != host

    asyncio.run(run())


def test_death_of_the_fork_server(server, measured) -> None:
    """It takes all hosts with it. Another one is started, which has to import vLLM first."""

    async def run() -> None:
        async with server.client() as client:
            await client.warm(PHI)
            await client.warm(LLAMA)
            async with client.streamed(LLAMA) as reply:
                pieces = await begun(reply)
                os.kill(server.nursery, signal.SIGKILL)
                with measured("fork server killed: its host's stream breaks off"):
                    await expect_break(pieces)
            with measured("fork server killed: the next calls of two models are answered"):
                await asyncio.gather(client.warm(PHI), client.warm(LLAMA))

    asyncio.run(run())


def test_nothing_is_left_in_the_temporary_folder(server) -> None:
    """vLLM alone would leave a file per load there."""

    async def run() -> None:
        async with server.client() as client:
            os.kill(await client.warm(PHI), signal.SIGKILL)
            await client.warm(PHI)
        assert not list(server.scratch.glob("vllm*"))

    asyncio.run(run())
