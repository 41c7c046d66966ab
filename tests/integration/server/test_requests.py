"""Requests of every kind, good and bad, over real sockets."""

import asyncio

import pytest

from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine

ECHO = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(f"{request.method} {request.url}")
"""

STREAM = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x", "stream": True}))
"""


async def exchange(running, request: bytes) -> bytes:
    """What the server answers to these bytes, until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.client.base_url.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"GET /a%0Ab%0D", b"GET http://h/a%0Ab%0D"),
        (b"GET //x", b"GET http://h//x"),
        (b"GET http://h/a?b", b"GET http://h/a?b"),
        (b"OPTIONS *", b"OPTIONS http://h/"),
    ],
)
def test_every_target_reaches_the_handler(serve, target: bytes, seen: bytes) -> None:
    """PW-042"""

    async def run() -> bytes:
        async with serve(ECHO) as running:
            return await exchange(running, target + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")

    assert asyncio.run(run()).endswith(b"\r\n\r\n" + seen)


@pytest.mark.parametrize("path", [b"/", b"/client/v4/accounts/a/ai/models/search", b"/cdn-cgi/local/ai/status"])
def test_a_host_header_that_is_none_is_a_400(serve, path: bytes) -> None:
    async def run() -> bytes:
        async with serve(ECHO) as running:
            return await exchange(running, b"GET " + path + b" HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n")

    assert asyncio.run(run()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("pieces", [10, 300])
def test_a_handler_need_not_read_the_body(serve, pieces: int, has_length: bool) -> None:
    async def body():
        for _ in range(pieces):
            yield b"x" * 10_000

    async def run() -> None:
        async with serve(ECHO) as running:
            for _ in range(2):
                content = b"x" * 10_000 * pieces if has_length else body()
                assert (await running.client.post("/", content=content)).text.startswith("POST http")

    asyncio.run(run())


def test_a_client_that_goes_away_is_noticed_although_nobody_reads_its_body(serve, until) -> None:
    gate = Gate()
    engine = ScriptedEngine(["a b c"], gate=gate)

    async def run() -> None:
        async with serve(STREAM, engine) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.client.base_url.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
            gate.let(1)
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await until(lambda: engine.aborts)

    asyncio.run(run())
