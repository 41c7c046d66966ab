"""Clients that go away in mid-stream, all at once."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest

LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
CLIENTS = 500
STORY = {"model": LLAMA, "prompt": "Tell me about lighthouses.", "stream": True, "max_tokens": 1500}
DOORS = {"rest": "/client/v4/accounts/any/ai/run", "handler": "/stream"}


async def open_stream(server, path: str) -> asyncio.StreamWriter:
    """A client that has seen the first event of its answer."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps(STORY).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await reader.readuntil(b"data: {")
    return writer


@pytest.mark.parametrize("door", DOORS)
def test_500_clients_disconnect_in_mid_stream(server, measured, door) -> None:
    """DT-105: every sequence is aborted and no block of the KV cache is held, by the engine's own figures."""

    async def run() -> None:
        async with server.client() as client:
            host = await client.warm(LLAMA)
            opened = await asyncio.gather(*(open_stream(server, DOORS[door]) for _ in range(CLIENTS)))
            found = await client.status(LLAMA)
            assert found["running"] == CLIENTS and found["kv_cache_usage"] > 0
            with measured(
                f"{CLIENTS} clients of the {door} disconnect: nothing runs, nothing waits, the KV cache is free"
            ):
                for writer in opened:
                    writer.transport.abort()
                await client.until(LLAMA, is_empty)
            assert await client.warm(LLAMA) == host

    asyncio.run(run())


def is_empty(status: dict) -> bool:
    return (status.get("running"), status.get("waiting"), status.get("kv_cache_usage")) == (0, 0, 0.0)
