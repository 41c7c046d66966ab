"""A handler's fetch, against an origin that answers with exactly these bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from paddock.worker.testing import Paddock
from paddock.worker.testing.outbound import OutboundRoutes

from .snippets import SNIPPETS, code_header

SOURCE = f"""{SNIPPETS}
import os
from workers import fetch

class Default(SnippetEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/pid"):
            return Response(str(os.getpid()))
        return await self.run(request, self=self)
"""
pytestmark = pytest.mark.paddock(source=SOURCE, allow_net=["127.0.0.1"])


class Origin:
    """`answers` are sent in order, the last one again and again; `heads` are the requests that came."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._writers: list[asyncio.StreamWriter] = []
        self.heads: list[bytes] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield
            for writer in self._writers:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer:
                    break
        writer.close()


@pytest.fixture
def ask(worker: Paddock) -> Callable[..., list[httpx.Response]]:
    """`ask(origin, code)`: the worker's responses to requests that have it run the code; `{url}` is the origin's."""

    def run(origin: Origin, code: str, times: int = 1) -> list[httpx.Response]:
        async def asked() -> list[httpx.Response]:
            async with origin.listening(), asyncio.timeout(30):
                pid = (await worker.fetch("/pid")).text
                headers = code_header(code.replace("{url}", origin.url))
                replies = [await worker.fetch("/", headers=headers) for _ in range(times)]
                assert (await worker.fetch("/pid")).text == pid
                return replies

        return asyncio.run(asked())

    return run


def test_no_cookie_of_one_fetch_is_sent_with_the_next(ask) -> None:
    origin = Origin(b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n")
    ask(origin, "return await fetch('{url}/')", times=2)
    assert [head for head in origin.heads if b"cookie" in head.lower()] == []


def test_bodies_that_nobody_reads_hold_no_connection(ask) -> None:
    origin = Origin(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000)
    replies = ask(origin, "return Response(str((await fetch('{url}/')).status))", times=110)
    assert {reply.text for reply in replies} == {"200"}


def test_a_body_that_breaks_off_is_an_error_of_its_reader_only(ask) -> None:
    origin = Origin(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nshort")
    with pytest.raises(Exception, match="without sending complete message body"):
        ask(origin, "return Response(await (await fetch('{url}/')).text())")


def test_headers_beyond_ascii_pass_unchanged(ask) -> None:
    origin = Origin("HTTP/1.1 200 OK\r\nx-n: 日本\r\ncontent-length: 0\r\n\r\n".encode())
    (reply,) = ask(origin, "return await fetch('{url}/', headers={'x-m': 'é'})")
    assert (b"x-n", "日本".encode()) in reply.headers.raw
    assert "x-m: é".encode() in origin.heads[0]


def test_the_final_address_and_the_status_text_are_told(ask) -> None:
    """PW-099"""
    moved = b"HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n"
    origin = Origin(moved, b"HTTP/1.1 203 Odd\r\ncontent-length: 0\r\n\r\n")
    code = "r = await fetch('{url}/a'); return Response(f'{r.url} {r.redirected} {r.status_text}')"
    assert ask(origin, code)[0].text == f"{origin.url}/b True Odd"


MOVED = b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.paddock(settings={"limits": {"subrequests": 5}})
def test_redirects_are_subrequests(ask) -> None:
    """PW-164"""
    origin = Origin(MOVED)
    with pytest.raises(Exception, match="Too many subrequests by single Worker invocation"):
        ask(origin, "await fetch('{url}/')")
    assert len(origin.heads) == 5


def test_redirects_come_to_an_end(ask) -> None:
    origin = Origin(MOVED)
    with pytest.raises(Exception, match=r"Too many redirects\."):
        ask(origin, "await fetch('{url}/')")
    assert len(origin.heads) == 21


def test_a_stream_is_not_sent_twice_for_a_redirect(ask) -> None:
    origin = Origin(b"HTTP/1.1 307 Go\r\nlocation: /b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    code = """
from js import TransformStream
stream = TransformStream.new()
self.ctx.waitUntil(stream.writable.getWriter().close())
await fetch('{url}/', method='POST', body=stream.readable)"""
    with pytest.raises(Exception, match="fetch POST"):
        ask(origin, code)


def test_a_route_of_a_test_sees_a_stream_which_is_not_sent_twice_either(run_code, outbound: OutboundRoutes) -> None:
    outbound.post("https://example.com/").reply(307, headers={"location": "/b"})
    code = """
from js import TransformStream
from pyodide.ffi import to_js
stream = TransformStream.new()
writer = stream.writable.getWriter()
writing = [writer.write(to_js(b"streamed")), writer.close()]
await fetch("https://example.com/", method="POST", body=stream.readable)
"""
    with pytest.raises(Exception, match="fetch POST"):
        run_code(code)
    assert outbound.requests[0].content == b"streamed"
