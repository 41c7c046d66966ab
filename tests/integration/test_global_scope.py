"""What a handler may not do while it is imported."""

from pathlib import Path

import pytest

from paddock.worker.testing import Paddock

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


def said(
    code: str, head: str = "", inside: str = "pass", *, is_strict: bool = True, folder: Path | None = None
) -> tuple[str, list[str]]:
    """What `code` raised at import, and the handler's output; `inside` runs in the handler, `folder` is its project."""
    lines: list[str] = []
    source, settings = WORKER.format(head=head, code=code, inside=inside), {"paddock": {"strict": is_strict}}
    if folder is None:
        worker = Paddock(source=source, settings=settings, on_log=lambda _, line: lines.append(line))
    else:
        (folder / "handler.py").write_text(source)
        (folder / "wrangler.json").write_text(
            '{"main": "handler.py", "compatibility_date": "2026-09-15", "compatibility_flags": ["python_workers"]}'
        )
        worker = Paddock(folder / "wrangler.json")
    with worker:
        text = worker.fetch("/").result().text
    return text, lines


@pytest.mark.parametrize(
    ("head", "call", "name"),
    [
        ("import random", "random.random()", "random.random"),
        ("import random", "random.choice([1])", "random.choice"),
        ("from random import randbytes", "randbytes(4)", "random.randbytes"),
    ],
)
def test_random_numbers_are_refused_by_name(head: str, call: str, name: str) -> None:
    """PW-159"""
    text, _ = said(call, head, inside=call)
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
def test_entropy_is_refused_and_works_in_a_handler(head: str, call: str) -> None:
    """PW-160"""
    text, _ = said(call, head, inside=f"assert {call} != {call}")
    assert text.startswith("OSError: [Errno 5] Cannot get entropy outside of request context")
    assert "PYTHON_WORKERS_ALLOW_TOP_LEVEL_ENTROPY" in text


def test_importing_what_stands_on_entropy_is_fine() -> None:
    text, _ = said("import multiprocessing, random, secrets, tempfile, uuid; random.Random(1).random()")
    assert text == "nothing"


def test_productions_permission_is_ours() -> None:
    code = "os.environ['PYTHON_WORKERS_ALLOW_TOP_LEVEL_ENTROPY'] = '1'; os.urandom(4); random.random()"
    assert said(code, "import os, random")[0] == "nothing"


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
def test_timers_and_io_are_refused(head: str, code: str) -> None:
    """PW-104"""
    assert said(code, head)[0].startswith("JsException: Error: Disallowed operation called within global scope.")


def test_what_is_not_strict_warns() -> None:
    """PW-159, PW-160"""
    text, lines = said("random.random(); os.urandom(4)", "import os, random", is_strict=False)
    assert text == "nothing"
    assert any("Cannot use random.random() outside of request context" in line for line in lines)
    assert any("Cannot get entropy outside of request context" in line for line in lines)


def test_httpx_can_be_imported_at_the_top() -> None:
    assert said("import httpx")[0] == "nothing"


def test_packages_get_the_entropy_that_the_sdk_grants_them(tmp_path: Path) -> None:
    (tmp_path / "python_modules" / "opentelemetry" / "trace").mkdir(parents=True)
    (tmp_path / "python_modules" / "opentelemetry" / "trace" / "propagation.py").write_text(
        "import uuid\nkey = uuid.uuid4()\n"
    )
    (tmp_path / "python_modules" / "other.py").write_text("import uuid\nkey = uuid.uuid4()\n")
    assert said("import opentelemetry.trace.propagation", folder=tmp_path)[0] == "nothing"
    assert "Cannot get entropy" in said("import other", folder=tmp_path)[0]


@pytest.mark.parametrize(
    ("head", "code", "text"),
    [
        ("import threading", "threading.Thread(target=print).start()", "RuntimeError: can't start new thread"),
        ("import _thread", "_thread.start_new_thread(print, ())", "RuntimeError: can't start new thread"),
        ("import subprocess", "subprocess.run(['true'])", "does not support processes"),
        ("import os", "os.fork()", "does not support processes"),
    ],
)
def test_threads_and_processes_are_refused_in_handlers_too(head: str, code: str, text: str) -> None:
    inside = f"""
        try:
            {code}
        except Exception as error:
            return Response(f"{{type(error).__name__}}: {{error}}")"""
    found, _ = said("pass", head, inside=inside.strip())
    assert text in found


def test_what_asks_for_a_thread_is_called_in_place() -> None:
    inside = "return Response(str(await asyncio.to_thread(threading.get_ident) == threading.get_ident()))"
    assert said("pass", "import asyncio, threading", inside=inside)[0] == "True"


def test_threads_are_there_where_nothing_is_strict() -> None:
    inside = "return Response(str(await asyncio.to_thread(threading.get_ident) == threading.get_ident()))"
    assert said("pass", "import asyncio, threading", inside=inside, is_strict=False)[0] == "False"
