"""What a handler may not do while it is imported."""

import asyncio

import pytest

WORKER = """
{head}
from workers import Response, WorkerEntrypoint

try:
    {code}
except Exception as error:
    said = f"{{type(error).__name__}}: {{error}}"
else:
    said = "nothing"

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        {inside}
        return Response(said)
"""


def said(serve, code: str, head: str = "", inside: str = "pass", **options) -> tuple[str, list[str]]:
    """What `code` raised at import, and the handler's output; `inside` runs in the handler."""

    async def run() -> tuple[str, list[str]]:
        async with serve(WORKER.format(head=head, code=code, inside=inside), **options) as running:
            reply = await running.client.get("/")
            return reply.text, list(running.lines)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("head", "call", "name"),
    [
        ("import random", "random.random()", "random.random"),
        ("import random", "random.choice([1])", "random.choice"),
        ("from random import randbytes", "randbytes(4)", "random.randbytes"),
    ],
)
def test_random_numbers_are_refused_by_name(serve, head: str, call: str, name: str) -> None:
    """PW-159"""
    text, _ = said(serve, call, head, inside=call)
    assert text == f"RuntimeError: Cannot use {name}() outside of request context"


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("import uuid", "uuid.uuid4()"),
        ("import os", "os.urandom(4)"),
        ("from os import urandom", "urandom(4)"),
        ("import secrets", "secrets.token_hex()"),
    ],
)
def test_entropy_is_refused_and_works_in_a_handler(serve, head: str, call: str) -> None:
    """PW-160"""
    text, _ = said(serve, call, head, inside=f"assert {call} != {call}")
    assert text.startswith("OSError: [Errno 5] Cannot get entropy outside of request context")
    assert "PYTHON_WORKERS_ALLOW_TOP_LEVEL_ENTROPY" in text


def test_importing_what_stands_on_entropy_is_fine(serve) -> None:
    text, _ = said(serve, "import multiprocessing, random, secrets, tempfile, uuid; random.Random(1).random()")
    assert text == "nothing"


def test_productions_permission_is_ours(serve) -> None:
    code = "os.environ['PYTHON_WORKERS_ALLOW_TOP_LEVEL_ENTROPY'] = '1'; os.urandom(4); random.random()"
    assert said(serve, code, "import os, random")[0] == "nothing"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("import js", "js.fetch('http://127.0.0.1:1/')"),
        ("import js", "js.setTimeout(print, 10)"),
        ("import js", "js.crypto.randomUUID()"),
        ("import socket", "socket.create_connection(('127.0.0.1', 1))"),
        ("import socket", "socket.getaddrinfo('localhost', 1)"),
    ],
)
def test_timers_and_io_are_refused(serve, head: str, code: str) -> None:
    """PW-104"""
    assert said(serve, code, head)[0].startswith("JsException: Error: Disallowed operation called within global scope.")


def test_what_is_not_strict_warns(serve) -> None:
    """PW-159, PW-160"""
    text, lines = said(serve, "random.random(); os.urandom(4)", "import os, random", is_strict=False)
    assert text == "nothing"
    assert any("Cannot use random.random() outside of request context" in line for line in lines)
    assert any("Cannot get entropy outside of request context" in line for line in lines)


def test_httpx_can_be_imported_at_the_top(serve) -> None:
    assert said(serve, "import httpx")[0] == "nothing"


def test_packages_get_the_entropy_that_the_sdk_grants_them(serve, tmp_path) -> None:
    (tmp_path / "python_modules" / "opentelemetry" / "trace").mkdir(parents=True)
    (tmp_path / "python_modules" / "opentelemetry" / "trace" / "propagation.py").write_text(
        "import uuid\nkey = uuid.uuid4()\n"
    )
    (tmp_path / "python_modules" / "other.py").write_text("import uuid\nkey = uuid.uuid4()\n")
    assert said(serve, "import opentelemetry.trace.propagation")[0] == "nothing"
    assert "Cannot get entropy" in said(serve, "import other")[0]


@pytest.mark.parametrize(
    ("head", "code", "text"),
    [
        ("import threading", "threading.Thread(target=print).start()", "RuntimeError: can't start new thread"),
        ("import _thread", "_thread.start_new_thread(print, ())", "RuntimeError: can't start new thread"),
        ("import subprocess", "subprocess.run(['true'])", "does not support processes"),
        ("import os", "os.fork()", "does not support processes"),
    ],
)
def test_threads_and_processes_are_refused_in_handlers_too(serve, head: str, code: str, text: str) -> None:
    inside = f"""
        try:
            {code}
        except Exception as error:
            return Response(f"{{type(error).__name__}}: {{error}}")"""
    found, _ = said(serve, "pass", head, inside=inside.strip())
    assert text in found


def test_what_asks_for_a_thread_is_called_in_place(serve) -> None:
    inside = "return Response(str(await asyncio.to_thread(threading.get_ident) == threading.get_ident()))"
    assert said(serve, "pass", "import asyncio, threading", inside=inside)[0] == "True"


def test_threads_are_there_where_nothing_is_strict(serve) -> None:
    inside = "return Response(str(await asyncio.to_thread(threading.get_ident) == threading.get_ident()))"
    assert said(serve, "pass", "import asyncio, threading", inside=inside, is_strict=False)[0] == "False"
