"""`asgi.fetch` of the unmodified SDK, with a Starlette application."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Answer, Worker

_APP = """
import asyncio, asgi, workers
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

async def echo(request):
    body = (await request.body()).decode()
    return JSONResponse([request.method, request.url.path, str(request.query_params), body, request.scope["env"].NAME])

async def stream(request):
    async def lines():
        for number in range(3):
            yield f"data: {number}\\n\\n"
            await asyncio.sleep(0)
    return StreamingResponse(lines(), media_type="text/event-stream")

async def cookies(request):
    response = Response(status_code=204)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response

async def broken(request):
    raise ValueError("broken")

app = Starlette(routes=[
    Route("/echo/{rest:path}", echo, methods=["POST"]), Route("/stream", stream), Route("/cookies", cookies),
    Route("/broken", broken),
])

class Default(workers.WorkerEntrypoint):
    async def fetch(self, request):
        return await asgi.fetch(app, REQUEST, self.env)
"""


def _ask(worker: Worker, path: str, *, request: str = "request", **case: object) -> Answer:
    handler = textwrap.dedent(_APP).replace("REQUEST", request)
    return worker.fetch(handler, url=f"https://worker.test{path}", env={"NAME": "n"}, **case)  # type: ignore[arg-type]  # passed through


def test_asgi_is_one_module(worker: Worker) -> None:
    """PW-148."""
    assert worker.evaluate("__import__('asgi') is __import__('workers.asgi').asgi") is True


@pytest.mark.parametrize("request_", ["request", "request.js_object"])
def test_request_reaches_the_application(worker: Worker, request_: str) -> None:
    """PW-148 to PW-151."""
    answer = _ask(worker, "/echo/a%20b?q=1", request=request_, method="POST", body=["bo", "dy"])
    assert answer.json == ["POST", "/echo/a b", "q=1", "body", "n"]


def test_streaming_response_arrives_chunk_by_chunk(worker: Worker) -> None:
    """PW-152."""
    answer = _ask(worker, "/stream")
    assert answer.chunks == ("data: 0\n\n", "data: 1\n\n", "data: 2\n\n")
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"


def test_cookies_survive_and_204_has_no_body(worker: Worker) -> None:
    """PW-153, PW-154."""
    answer = _ask(worker, "/cookies")
    assert [value[:3] for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert (answer.status, answer.chunks) == (204, ())


def test_exception_of_a_route_is_the_applications_500(worker: Worker) -> None:
    """PW-156."""
    assert _ask(worker, "/broken").status == 500
