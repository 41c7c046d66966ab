"""Applications of other frameworks behind the official adapters: lifespan, WSGI."""

import asyncio

import httpx
import pytest

LIFESPAN = """
import asgi
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from workers import WorkerEntrypoint

@asynccontextmanager
async def lifespan(app):
    print("startup")
    {startup}
    yield {{"name": "from startup"}}
    print("shutdown")

async def whole(request):
    return PlainTextResponse(request.state.name + " " + request.scope["env"].GREETING)

async def streamed(request):
    async def pieces():
        for number in range(3):
            yield str(number)
    return StreamingResponse(pieces())

def synchronous(request):
    return PlainTextResponse("without await")

app = Starlette(routes=[Route("/", whole), Route("/stream", streamed), Route("/sync", synchronous)], lifespan=lifespan)

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return await asgi.fetch(app, request, self.env)
"""

WSGI = """
from workers import WorkerEntrypoint, wsgi

def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("201 Made Up", [("x-path", environ["PATH_INFO"]), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    yield environ["workers.env"].GREETING.encode()
    yield body[::-1]

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return await wsgi.fetch(app, request, self.env)
"""

FLASK = """
from flask import Flask, jsonify, request
from workers import wsgi

app = Flask(__name__)

@app.post("/echo/<name>")
def echo(name):
    return jsonify(name=name, body=request.get_json(), greeting=request.environ["workers.env"].GREETING)

@app.get("/stream")
def stream():
    return (str(number) for number in range(3))

Default = wsgi.entrypoint(app)
"""

DJANGO = """
from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import path
from workers import wsgi

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="for tests")

from django.core.wsgi import get_wsgi_application

def echo(request, name):
    greeting = request.environ["workers.env"].GREETING
    return JsonResponse({"name": name, "body": request.body.decode(), "greeting": greeting})

urlpatterns = [path("echo/<str:name>", echo)]
Default = wsgi.entrypoint(get_wsgi_application())
"""


def send(serve, source: str, path: str, method: str = "GET", **request) -> tuple[httpx.Response, list[str]]:
    """One request: its reply, and what the handler had printed by then."""

    async def run() -> tuple[httpx.Response, list[str]]:
        async with serve(source, strings={"GREETING": "hi"}) as running:
            return await running.client.request(method, path, **request), list(running.lines)

    return asyncio.run(run())


def test_lifespan_runs_around_the_request_and_its_state_reaches_it(serve) -> None:
    """PW-155"""
    reply, lines = send(serve, LIFESPAN.format(startup="pass"), "/")
    assert reply.text == "from startup hi"
    assert lines == ["startup", "shutdown"]


def test_shutdown_comes_after_the_last_piece_of_a_stream(serve, until) -> None:
    """PW-155"""

    async def run() -> str:
        async with serve(LIFESPAN.format(startup="pass")) as running:
            text: str = (await running.client.get("/stream")).text
            await until(lambda: running.lines == ["startup", "shutdown"])
            return text

    assert asyncio.run(run()) == "012"


def test_a_failed_startup_is_a_500_with_its_message(serve) -> None:
    """PW-155"""
    reply, _ = send(serve, LIFESPAN.format(startup="raise ValueError('no database')"), "/")
    assert reply.status_code == 500
    assert "no database" in reply.text


def test_synchronous_routes_run_in_place(serve) -> None:
    assert send(serve, LIFESPAN.format(startup="pass"), "/sync")[0].text == "without await"


def test_a_wsgi_application_reads_its_input_and_streams_its_answer(serve) -> None:
    """PW-158"""
    sent = bytes(range(256)) * 1000
    reply, _ = send(serve, WSGI, "/a%20b", "POST", content=sent)
    assert (reply.status_code, reply.content) == (201, b"hi" + sent[::-1])
    assert (reply.headers["x-path"], reply.headers.get_list("set-cookie")) == ("/a b", ["a=1", "b=2"])


def test_flask(serve) -> None:
    """PW-158"""
    pytest.importorskip("flask")
    reply, _ = send(serve, FLASK, "/echo/ann", "POST", json={"n": 1})
    assert reply.json() == {"name": "ann", "body": {"n": 1}, "greeting": "hi"}
    assert send(serve, FLASK, "/stream")[0].text == "012"


def test_django(serve) -> None:
    """PW-158"""
    pytest.importorskip("django")
    reply, _ = send(serve, DJANGO, "/echo/ann", "POST", content=b"text")
    assert reply.json() == {"name": "ann", "body": "text", "greeting": "hi"}
