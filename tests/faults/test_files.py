"""Files and memory that are not as they should be: broken weights, deleted adapters, a full disk, no memory."""

import asyncio
import json
import os
import resource
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def wrong_header(content: bytes) -> bytes:
    return content[:8] + b"[" + content[9:]


def garbage(content: bytes) -> bytes:
    return bytes(reversed(content))


@pytest.mark.parametrize("break_it", [truncated, wrong_header, garbage])
def test_broken_weights(server, measured, break_it) -> None:
    weights = server.folder / "models" / "phi" / "model.safetensors"
    whole = weights.read_bytes()

    async def run() -> None:
        async with server.client() as client:
            await client.unload(PHI)
            weights.write_bytes(break_it(whole))
            with measured(f"weights broken ({break_it.__name__}): the call has its error"):
                reply = await client.answer(PHI)
            assert reply.status_code == 503
            assert f"{weights} is not a whole safetensors file" in reply.json()["errors"][0]["message"]
            assert (await client.status(PHI))["state"] == "failed"
            assert (await client.answer(LLAMA)).status_code == 200, "other models do not notice"
            weights.write_bytes(whole)
            await client.warm(PHI)

    try:
        asyncio.run(run())
    finally:
        weights.write_bytes(whole)


def mapped_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def test_no_memory_for_a_model(server, measured) -> None:
    """The limit is what the fork server has mapped already, and a little more; its hosts inherit it.

    What meets it first raises or aborts the process, so the error's reason is not always the same.
    """

    async def run() -> None:
        async with server.client() as client:
            await client.warm(LLAMA)
            await client.unload(PHI)
            mapped = mapped_bytes(server.nursery)
            limit = resource.prlimit(server.nursery, resource.RLIMIT_AS)
            resource.prlimit(server.nursery, resource.RLIMIT_AS, (mapped + (16 << 20), limit[1]))
            try:
                with measured("no memory for a model: the call has its error"):
                    reply = await client.answer(PHI)
            finally:
                resource.prlimit(server.nursery, resource.RLIMIT_AS, limit)
            assert reply.status_code == 503
            assert "did not load (phase model): " in reply.text
            assert (await client.answer(LLAMA)).status_code == 200, "other models do not notice"
            await client.warm(PHI)

    asyncio.run(run())


def test_adapter_that_is_deleted(server) -> None:
    """A stream that has it in memory ends in order; the next call has the error, until the adapter is there again."""
    adapter = server.folder / "adapters" / "pet"
    kept = adapter.with_name("kept")

    async def run() -> None:
        async with server.client() as client:
            host = await client.warm(MISTRAL)
            assert (await client.answer(MISTRAL, lora="pet")).status_code == 200
            async with client.streamed(MISTRAL, lora="pet", max_tokens=64, temperature=0) as reply:
                pieces = reply.aiter_text()
                text = await anext(pieces)
                os.kill(host, signal.SIGSTOP)
                shutil.move(adapter, kept)
                os.kill(host, signal.SIGCONT)
                text += "".join([piece async for piece in pieces])
            assert text.endswith("data: [DONE]\n\n")
            events = [json.loads(event[6:]) for event in text.split("\n\n") if event.startswith("data: {")]
            assert "partner" in "".join(event["response"] for event in events)
            gone = await client.answer(MISTRAL, lora="pet")
            assert (gone.status_code, gone.headers["paddock-error"]) == (404, "lora_not_found")
            assert (await client.status(MISTRAL))["pid"] == host
            shutil.move(kept, adapter)
            assert (await client.answer(MISTRAL, lora="pet")).status_code == 200

    try:
        asyncio.run(run())
    finally:
        if kept.exists():
            shutil.move(kept, adapter)


def test_full_disk_under_the_state_folder(server) -> None:
    """Files that may not grow are what a full disk is; the calls are counted once there is room."""
    usage = server.folder / ".paddock" / "state" / "v1" / "usage.sqlite"
    limit = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)

    def calls() -> int:
        with closing(sqlite3.connect(usage)) as database:
            return int(database.execute("SELECT SUM(calls) FROM usage WHERE model = ?", [MISTRAL]).fetchone()[0] or 0)

    async def run() -> None:
        async with server.client() as client:
            await client.warm(MISTRAL)
            before = server.said("usage_not_written")
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, limit[1]))
            try:
                for _ in range(5):
                    assert (await client.answer(MISTRAL)).status_code == 200
                server.wait_for_line("usage_not_written")
            finally:
                resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limit)
            assert (await client.answer(MISTRAL)).status_code == 200
            server.wait_for_line("usage_written")
            assert server.said("usage_not_written") == before + 1

    asyncio.run(run())
    assert calls() >= 6
