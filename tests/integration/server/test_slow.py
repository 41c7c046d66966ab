"""Clients that read or write slowly, or not at all: what is in flight for them is bounded, and counted here."""

import asyncio
import socket

HANDLER = """
import asyncio
from js import Object, ReadableStream
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint

made = 0
taken = 0
patience = asyncio.Event()

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        global taken
        path = request.url.rpartition("/")[2]
        if path == "made":
            return Response(str(made))
        if path == "taken":
            return Response(str(taken))
        if path == "upload":
            reader = request.body.getReader()
            for _ in range(2):
                taken += len((await reader.read()).value)
            await patience.wait()
            return Response("enough")
        if path == "leave":
            patience.set()
            return Response("thanks")
        return Response(ReadableStream.new(to_js({"pull": self.pull}, dict_converter=Object.fromEntries)))

    async def pull(self, controller):
        global made
        made += 65536
        controller.enqueue(to_js(b"x" * 65536))
"""
#: Sockets of this machine hold some megabytes; credit and what the HTTP server keeps are far below.
BOUND = 32_000_000


async def still(value) -> int:
    """The value, once twenty questions in a row did not change it. Without a bound it changes for ever."""
    same, last = 0, -1
    while same < 20:
        now = await value()
        same, last = (same + 1, now) if now == last else (0, now)
    return last


def test_a_client_that_does_not_read_stops_the_handler(serve) -> None:
    async def run() -> int:
        async with serve(HANDLER) as running:

            async def made() -> int:
                return int((await running.client.get("/made")).text)

            async with running.client.stream("GET", "/") as reply:
                await anext(reply.aiter_raw())
                return await still(made)

    assert 0 < asyncio.run(run()) < BOUND


def test_a_handler_that_does_not_read_stops_the_client(serve) -> None:
    """The bytes that the kernel took of the client, as far as it goes on taking any."""

    async def run() -> tuple[int, int]:
        async with serve(HANDLER, limit_bytes=20 * BOUND) as running:
            loop, sent = asyncio.get_running_loop(), 0
            with socket.create_connection(("127.0.0.1", running.client.base_url.port)) as sock:
                sock.setblocking(False)
                head = f"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10 * BOUND}\r\n\r\n"
                await loop.sock_sendall(sock, head.encode())

                async def pushed() -> int:
                    nonlocal sent
                    try:
                        while sent < BOUND:
                            sent += sock.send(b"x" * 65536)
                    except BlockingIOError:
                        pass
                    await running.client.get("/taken")
                    return sent

                found = await still(pushed), int((await running.client.get("/taken")).text)
                await running.client.get("/leave")
                assert (await loop.sock_recv(sock, 100)).startswith(b"HTTP/1.1 200")
                return found

    sent, taken = asyncio.run(run())
    assert 0 < taken <= 2 * 65536
    assert sent < BOUND
