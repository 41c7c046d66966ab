"""A handler's fetch, against an origin that answers with exactly these bytes."""

import asyncio
import contextlib

from paddock.worker.watchdog import Limits

ASK = """
from workers import Response, WorkerEntrypoint, fetch

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/alive"):
            return Response("yes")
        %s
"""


class Origin:
    """`answers` are sent in order, the last one again and again; `heads` are the requests that came."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._writers: list[asyncio.StreamWriter] = []
        self.heads: list[bytes] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def listening(self):
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


def ask(serve, origin: Origin, code: str, times: int = 1, **options):
    """The replies of a handler with this code; `{url}` in it is the origin's."""

    async def run():
        async with (
            origin.listening(),
            serve(ASK % code.replace("{url}", origin.url), **options) as running,
            asyncio.timeout(30),
        ):
            pid = await running.pid()
            replies = [await running.client.get("/") for _ in range(times)]
            assert (await running.client.get("/alive")).text == "yes"
            assert await running.pid() == pid
            return replies

    return asyncio.run(run())


def test_no_cookie_of_one_fetch_is_sent_with_the_next(serve) -> None:
    origin = Origin(b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n")
    ask(serve, origin, "return await fetch('{url}/')", times=2)
    assert [head for head in origin.heads if b"cookie" in head.lower()] == []


def test_bodies_that_nobody_reads_hold_no_connection(serve) -> None:
    origin = Origin(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000)
    replies = ask(serve, origin, "return Response(str((await fetch('{url}/')).status))", times=110)
    assert {reply.text for reply in replies} == {"200"}


def test_a_body_that_breaks_off_is_an_error_of_its_reader_only(serve) -> None:
    origin = Origin(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nshort")
    (reply,) = ask(serve, origin, "return Response(await (await fetch('{url}/')).text())")
    assert reply.status_code == 500
    assert "without sending complete message body" in reply.text


def test_headers_beyond_ascii_pass_unchanged(serve) -> None:
    origin = Origin("HTTP/1.1 200 OK\r\nx-n: 日本\r\ncontent-length: 0\r\n\r\n".encode())
    (reply,) = ask(serve, origin, "return await fetch('{url}/', headers={'x-m': 'é'})")
    assert (b"x-n", "日本".encode()) in reply.headers.raw
    assert "x-m: é".encode() in origin.heads[0]


def test_the_final_address_and_the_status_text_are_told(serve) -> None:
    """PW-099"""
    moved = b"HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n"
    origin = Origin(moved, b"HTTP/1.1 203 Odd\r\ncontent-length: 0\r\n\r\n")
    code = "r = await fetch('{url}/a'); return Response(f'{r.url} {r.redirected} {r.status_text}')"
    assert ask(serve, origin, code)[0].text == f"{origin.url}/b True Odd"


MOVED = b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n"


def test_redirects_are_subrequests(serve) -> None:
    """PW-164"""
    origin = Origin(MOVED)
    (reply,) = ask(serve, origin, "await fetch('{url}/')", limits=Limits(subrequests=5))
    assert "Too many subrequests by single Worker invocation" in reply.text
    assert len(origin.heads) == 5


def test_redirects_come_to_an_end(serve) -> None:
    origin = Origin(MOVED)
    (reply,) = ask(serve, origin, "await fetch('{url}/')")
    assert "Too many redirects." in reply.text
    assert len(origin.heads) == 21


def test_a_stream_is_not_sent_twice_for_a_redirect(serve) -> None:
    origin = Origin(b"HTTP/1.1 307 Go\r\nlocation: /b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    code = """
        from js import TransformStream
        stream = TransformStream.new()
        self.ctx.waitUntil(stream.writable.getWriter().close())
        await fetch('{url}/', method='POST', body=stream.readable)"""
    (reply,) = ask(serve, origin, code)
    assert "fetch POST" in reply.text
