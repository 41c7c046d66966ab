"""Handlers of every kind, good and bad, behind the real server."""

import asyncio

import pytest

from paddock.worker.watchdog import Limits

HELLO = """
from workers import Response, WorkerEntrypoint

count = 0

class Default(WorkerEntrypoint):
    calls = 0

    async def fetch(self, request):
        global count
        count += 1
        self.calls += 1
        return Response(f"{request.method} {request.url.partition('/')[0]} {count} {self.calls}")
"""


def worker(body: str, head: str = "") -> str:
    """A class entrypoint around the body of its fetch."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return f"""
from workers import Response, WorkerEntrypoint
{head}

class Default(WorkerEntrypoint):
    async def fetch(self, request):
{lines}
"""


def get(serve, source: str | None, path: str = "/", **options):
    """One GET: its reply."""

    async def run():
        async with serve(source, **options) as running:
            return await running.client.get(path)

    return asyncio.run(run())


def test_a_new_instance_serves_every_request_and_globals_persist(serve) -> None:
    """PW-001, PW-013"""

    async def run() -> list[str]:
        async with serve(HELLO) as running:
            return [(await running.client.get("/")).text for _ in range(2)]

    assert asyncio.run(run()) == ["GET http: 1 1", "GET http: 2 1"]


@pytest.mark.parametrize("parameters", ["request, env, ctx", "request, env", "request", ""])
def test_on_fetch_takes_as_many_arguments_as_it_names(serve, parameters: str) -> None:
    """PW-005, PW-010"""
    source = (
        f"from js import Response\n\nasync def on_fetch({parameters}):\n    return Response.new('ok', status=201)\n"
    )
    reply = get(serve, source, date="2025-01-01")
    assert (reply.status_code, reply.text) == (201, "ok")
    assert get(serve, source, flags=("disable_python_no_global_handlers",)).status_code == 201


def test_on_fetch_with_a_later_date_is_refused_in_productions_words(serve) -> None:
    """PW-009"""
    reply = get(serve, "def on_fetch(request):\n    pass\n")
    assert reply.status_code == 500
    assert "Handler does not export a fetch() function." in reply.text


def test_a_class_without_fetch_is_refused(serve) -> None:
    """PW-012"""
    source = "from workers import WorkerEntrypoint\n\nclass Default(WorkerEntrypoint):\n    pass\n"
    assert "Method fetch does not exist" in get(serve, source).text


def test_vars_and_missing_names_of_env(serve) -> None:
    """PW-125, PW-126, PW-127"""
    body = """
env = self.env
missing = getattr(env, "NOPE", "default")
try:
    env["GREETING"]
except TypeError:
    return Response.json([env.GREETING, env.NESTED.a.b, missing, hasattr(env, "NOPE")])
"""
    reply = get(serve, worker(body), strings={"GREETING": "hi"}, json={"NESTED": '{"a": {"b": 1}}'})
    assert reply.json() == ["hi", 1, "default", False]


def test_the_request_reaches_the_handler_whole(serve) -> None:
    """PW-040, PW-042, PW-043, PW-050"""
    body = 'return Response.json([request.method == "POST", request.url, await request.json(), request.headers["x-a"]])'

    async def run():
        async with serve(worker(body)) as running:
            reply = await running.client.post("/a%2Fb?q=1", json={"n": [1]}, headers={"x-a": "1"})
            return reply.json(), str(running.client.base_url)

    (is_post, url, data, header), base = asyncio.run(run())
    assert (is_post, data, header) == (True, {"n": [1]}, "1")
    assert url == f"{base}a%2Fb?q=1" or url == f"{base}/a%2Fb?q=1"


def test_a_large_body_streams_both_ways(serve) -> None:
    body = "data = await request.bytes()\nreturn Response(data[::-1])"
    sent = bytes(range(256)) * 2000

    async def run() -> bytes:
        async with serve(worker(body)) as running:
            return (await running.client.post("/", content=sent)).content

    assert asyncio.run(run()) == sent[::-1]


def test_a_request_body_handed_on_unread_comes_back_whole(serve) -> None:
    sent = bytes(range(256)) * 2000

    async def run() -> bytes:
        async with serve(worker("return Response(request.body)")) as running:
            return (await running.client.post("/", content=sent)).content

    assert asyncio.run(run()) == sent


def test_status_text_headers_and_cookies_reach_the_client(serve) -> None:
    """PW-073, PW-074"""
    body = 'return Response("x", status=201, headers=[["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["x-n", "1"]])'
    reply = get(serve, worker(body))
    assert (reply.status_code, reply.headers["x-n"]) == (201, "1")
    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_an_exception_is_a_500_with_the_users_frames_only(serve) -> None:
    """PW-022"""
    reply = get(serve, worker("helper()", "def helper():\n    raise ValueError('boom')"))
    assert reply.status_code == 500
    assert "ValueError: boom" in reply.text
    assert "in helper" in reply.text
    assert "paddock" not in reply.text.replace(reply.headers["paddock-error"], "")


@pytest.mark.parametrize("value", ['"text"', "{}", "None", "1"])
def test_anything_but_a_response_is_refused_in_productions_words(serve, value: str) -> None:
    """PW-017, PW-018"""
    reply = get(serve, worker(f"return {value}"))
    assert reply.status_code == 500
    assert "did not resolve to 'Response'" in reply.text


def test_a_tuple_cannot_be_sent(serve) -> None:
    """PW-019"""
    assert "cannot be sent over RPC" in get(serve, worker("return (1, 2)")).text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def broken(:\n", ["handler.py:1", "SyntaxError"]),
        ("import nowhere_to_be_found\n", ["handler.py:1", "ModuleNotFoundError", "nowhere_to_be_found"]),
        ("\nraise RuntimeError('at import')\n", ["handler.py:2", "RuntimeError: at import"]),
        ("import sys\nsys.exit(3)\n", ["SystemExit"]),
        (None, ["handler.py", "there is no such file"]),
    ],
    ids=["syntax error", "import error", "exception", "exit", "missing"],
)
def test_a_handler_that_cannot_be_imported_says_where_and_the_server_stays_up(serve, source, said) -> None:
    """PW-025, DT-032"""

    async def run():
        async with serve(source) as running:
            replies = [await running.client.get("/") for _ in range(2)]
            running.handler.write_text(worker("return Response('mended')"))
            running.supervisor.replace()
            return [*replies, await running.client.get("/")]

    first, second, mended = asyncio.run(run())
    assert first.status_code == second.status_code == 500
    assert [text for text in said if text not in first.text] == []
    assert mended.text == "mended"


def test_an_endless_loop_at_import_is_cut_and_located(serve) -> None:
    reply = get(serve, "while True:\n    pass\n", start_timeout_s=2.0)
    assert reply.status_code == 500
    assert "not ready within 2 s" in reply.text


def test_an_endless_loop_in_a_handler_is_killed_and_located(serve) -> None:
    body = 'if request.url.endswith("/loop"):\n    while True:\n        pass\nreturn Response("fine")'

    async def run():
        async with serve(worker(body), limits=Limits(loop_s=1.0)) as running:
            return await running.client.get("/loop"), await running.client.get("/")

    looped, fine = asyncio.run(run())
    assert looped.status_code == 500
    assert "endless loop" in looped.text
    assert "handler.py" in looped.text
    assert fine.text == "fine"


def test_new_code_serves_after_a_replacement_and_the_old_request_ends_in_peace(serve, until) -> None:
    """DT-028, DT-030"""
    slow = worker("print('entered')\nawait request.text()\nreturn Response('old')")

    async def run():
        replaced = asyncio.Event()

        async def body():
            yield b"x"
            await replaced.wait()
            yield b"y"

        async with serve(slow) as running, asyncio.TaskGroup() as tasks:
            old = tasks.create_task(running.client.post("/", content=body()))
            await until(lambda: "entered" in running.lines)
            running.handler.write_text(worker("return Response('new')"))
            running.supervisor.replace()
            new = await running.client.get("/")
            replaced.set()
            return (await old).text, new.text

    assert asyncio.run(run()) == ("old", "new")


def test_wait_until_outlives_the_response(serve, until) -> None:
    """PW-034, PW-036, PW-121"""
    body = """
import asyncio
async def later():
    await asyncio.sleep(0)
    print("done later")
async def fails():
    raise ValueError("in the background")
self.ctx.waitUntil(fails())
self.ctx.waitUntil(later())
return Response("now")
"""

    async def run():
        async with serve(worker(body)) as running:
            text = (await running.client.get("/")).text
            await until(lambda: "done later" in running.lines)
            await until(lambda: "ValueError: in the background" in running.lines)
            assert not any("isolate/context.py" in line for line in running.lines)  # the user's frames only
            return text

    assert asyncio.run(run()) == "now"


def test_requests_interleave_in_one_isolate(serve) -> None:
    """PW-166"""
    body = """
global waiting
if request.url.endswith("/wait"):
    waiting = asyncio.get_running_loop().create_future()
    return Response(await waiting)
while waiting is None:
    await asyncio.sleep(0)
waiting.set_result("released")
return Response("ok")
"""

    async def run():
        async with serve(worker(body, "import asyncio\nwaiting = None")) as running, asyncio.TaskGroup() as tasks:
            held = tasks.create_task(running.client.get("/wait"))
            released = await running.client.get("/")
            return (await held).text, released.text

    assert asyncio.run(run()) == ("released", "ok")


def test_a_sibling_module_and_a_file_beside_the_handler_are_found(serve, tmp_path) -> None:
    """PW-024, PW-165"""
    (tmp_path / "helper.py").write_text("VALUE = 'from helper'\n")
    (tmp_path / "note.txt").write_text("from file")
    body = "return Response(helper.VALUE + ' ' + (Path(__file__).parent / 'note.txt').read_text())"
    source = worker(body, "import helper\nfrom pathlib import Path")
    assert get(serve, source).text == "from helper from file"


def test_outbound_fetch_reaches_this_machine(serve) -> None:
    """PW-096, PW-100"""
    body = """
from urllib.parse import urlsplit
from workers import fetch
if request.url.endswith("/target"):
    return Response("from target", status=202)
base = "http://" + urlsplit(request.url).netloc
reply = await fetch(base + "/target")
try:
    await fetch("http://127.0.0.1:1/")
except OSError:
    return Response(f"{reply.status} {await reply.text()}")
"""
    assert get(serve, worker(body)).text == "202 from target"


def test_the_reference_binding_answers(serve) -> None:
    assert get(serve, worker("return Response(await self.env.HELLO.greet('you'))")).text == "Hello, you!"


LATER = """
import js
from js import Response
async def later():
    return Response.new("x")
async def on_fetch(request):
    return later()
"""


@pytest.mark.parametrize("source", [LATER, LATER.replace("return later()", "return js.Promise.resolve(later())")])
def test_a_promise_that_nobody_awaited_is_awaited(serve, source: str) -> None:
    """As JavaScript does with what an async function returns: `return fetch(request)`."""
    reply = get(serve, source, date="2025-06-01")
    assert (reply.status_code, reply.text) == (200, "x")


def test_wait_until_takes_what_nobody_can_wait_for(serve) -> None:
    """As in production, where a value that is no promise counts as done."""
    imports = "from pyodide.ffi import create_once_callable"
    body = "self.ctx.waitUntil(create_once_callable(print))\nself.ctx.waitUntil(5)\nreturn Response('x')"
    assert get(serve, worker(body, imports)).text == "x"


@pytest.mark.parametrize(("flags", "status"), [(("nodejs_compat",), 200), ((), 500)])
def test_process_exists_with_its_flag_only(serve, flags: tuple[str, ...], status: int) -> None:
    body = "return Response(f'{process.env.WHO} {process.versions.node[:3]} {process.platform} {process.cwd()}')"
    reply = get(serve, worker(body, "from js import process"), flags=flags, strings={"WHO": "me"})
    assert (reply.status_code, "me 22. linux /bundle" in reply.text) == (status, status == 200)


def test_a_suite_that_runs_in_a_handler_gets_none_of_the_test_kit(serve) -> None:
    """The SDK's own suites do, and have an `env` of their own."""
    body = """
import importlib
kit = importlib.import_module("paddock.worker.pytest_plugin")
return Response(str([name for name in ("env", "worker", "pytest_configure") if hasattr(kit, name)]))
"""
    assert get(serve, worker(body)).text == "[]"
