"""Handlers that fail, never end, change or outlive their response, behind the real server."""

import asyncio

import pytest

from paddock.worker.watchdog import Limits


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


def test_an_exception_is_a_500_with_the_users_frames_only(serve) -> None:
    """PW-022"""
    reply = get(serve, worker("helper()", "def helper():\n    raise ValueError('boom')"))
    assert reply.status_code == 500
    assert "ValueError: boom" in reply.text
    assert "in helper" in reply.text
    assert "paddock" not in reply.text.replace(reply.headers["paddock-error"], "")


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


def test_wait_until_takes_what_nobody_can_wait_for(serve) -> None:
    """As in production, where a value that is no promise counts as done; the kit refuses it, as a mistake."""
    imports = "from pyodide.ffi import create_once_callable"
    body = "self.ctx.waitUntil(create_once_callable(print))\nself.ctx.waitUntil(5)\nreturn Response('x')"
    assert get(serve, worker(body, imports)).text == "x"


@pytest.mark.parametrize("head", ["import src.helper", ""], ids=["at import", "in the handler"])
def test_the_src_prefix_earns_productions_note(serve, head: str) -> None:
    """PW-023"""
    reply = get(serve, worker("import src.helper", head), main="src/entry.py")
    assert reply.status_code == 500
    assert "No module named 'src'" in reply.text
    assert "your import statement shouldn't include a 'src.' prefix" in reply.text


def test_a_sleeping_handler_lets_others_go_on(serve, until) -> None:
    source = """
import time
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    def fetch(self, request):
        if request.url.endswith("/sleep"):
            print("sleeps", flush=True)
            time.sleep(3600)
        return Response("awake")
"""

    async def run() -> str:
        async with serve(source) as running, asyncio.TaskGroup() as tasks:
            sleeping = tasks.create_task(running.client.get("/sleep"))
            await until(lambda: "sleeps" in running.lines)
            text = (await running.client.get("/")).text
            sleeping.cancel()
            return text

    assert asyncio.run(run()) == "awake"


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


def test_a_suite_that_runs_in_a_handler_gets_none_of_the_test_kit(serve) -> None:
    """The SDK's own suites do, and have an `env` of their own."""
    body = """
import importlib
kit = importlib.import_module("paddock.worker.pytest_plugin")
return Response(str([name for name in ("env", "worker", "pytest_configure") if hasattr(kit, name)]))
"""
    assert get(serve, worker(body)).text == "[]"
