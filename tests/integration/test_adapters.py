"""Applications of other frameworks behind the official adapters: lifespan, WSGI."""

import httpx
import pytest

from paddock.worker.testing import Paddock

VARS = {"GREETING": "hi"}
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


def printed(worker: Paddock, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the handler has printed."""
    worker.flush().result()
    return capsys.readouterr().out.splitlines()


@pytest.mark.paddock(source=LIFESPAN.format(startup="pass"), vars=VARS)
def test_lifespan_runs_around_the_request_and_its_state_reaches_it(worker: Paddock, capsys) -> None:
    """PW-155"""
    assert worker.fetch("/").result().text == "from startup hi"
    assert printed(worker, capsys) == ["startup", "shutdown"]


@pytest.mark.paddock(source=LIFESPAN.format(startup="pass"), vars=VARS)
def test_shutdown_comes_after_the_last_piece_of_a_stream(worker: Paddock, capsys) -> None:
    """PW-155"""
    assert worker.fetch("/stream").result().text == "012"
    worker.ctx.drain().result()
    assert printed(worker, capsys) == ["startup", "shutdown"]


@pytest.mark.paddock(source=LIFESPAN.format(startup="raise ValueError('no database')"), vars=VARS)
def test_a_failed_startup_raises_with_its_message(worker: Paddock) -> None:
    """PW-155"""
    with pytest.raises(Exception, match="no database"):
        worker.fetch("/").result()


@pytest.mark.paddock(source=LIFESPAN.format(startup="pass"), vars=VARS)
def test_synchronous_routes_run_in_place(worker: Paddock) -> None:
    assert worker.fetch("/sync").result().text == "without await"


@pytest.mark.paddock(source=WSGI, vars=VARS)
def test_a_wsgi_application_reads_its_input_and_streams_its_answer(worker: Paddock) -> None:
    """PW-158"""
    sent = bytes(range(256)) * 1000
    reply = worker.fetch("/a%20b", content=sent).result()
    assert (reply.status_code, reply.content) == (201, b"hi" + sent[::-1])
    assert (reply.headers["x-path"], reply.headers.get_list("set-cookie")) == ("/a b", ["a=1", "b=2"])


@pytest.mark.paddock(source=FLASK, vars=VARS)
def test_flask(client: httpx.Client) -> None:
    """PW-158"""
    pytest.importorskip("flask")
    reply = client.post("/echo/ann", json={"n": 1})
    assert reply.json() == {"name": "ann", "body": {"n": 1}, "greeting": "hi"}
    assert client.get("/stream").text == "012"


@pytest.mark.paddock(source=DJANGO, vars=VARS)
def test_django(client: httpx.Client) -> None:
    """PW-158"""
    pytest.importorskip("django")
    reply = client.post("/echo/ann", content=b"text")
    assert reply.json() == {"name": "ann", "body": "text", "greeting": "hi"}
