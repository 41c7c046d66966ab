"""What a handler may not do while it is imported."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paddock.worker.testing import Paddock

from . import snippets
from .snippets import SNIPPETS, get_of_project

RANDOM = [
    ("import random", "random.random()", "random.random"),
    ("import random", "random.choice([1])", "random.choice"),
    ("from random import randbytes", "randbytes(4)", "random.randbytes"),
]
ENTROPY = [
    ("import uuid", "uuid.uuid4()"),
    ("import os", "os.urandom(4)"),
    ("from os import urandom", "urandom(4)"),
    ("import secrets", "secrets.token_hex()"),
]
TIMERS_AND_IO = [
    ("import js", "js.fetch('http://127.0.0.1:1/')"),
    ("import js", "js.setTimeout(print, 10)"),
    ("import js", "js.crypto.randomUUID()"),
    ("import socket", "socket.create_connection(('127.0.0.1', 1))"),
    ("import socket", "socket.getaddrinfo('localhost', 1)"),
]
IMPORTS = "import multiprocessing, random, secrets, tempfile, uuid; random.Random(1).random()"
HTTPX = "import httpx"
PERMITTED = """
import os, random
os.environ["PYTHON_WORKERS_ALLOW_TOP_LEVEL_ENTROPY"] = "1"
os.urandom(4)
random.random()
"""


def lines(head: str, code: str) -> str:
    """Code as it stands at the top of a module."""
    return f"{head}\n{code}"


#: All that one worker tries while it is imported, each for itself.
TRIED = [IMPORTS, HTTPX, *(lines(head, code) for head, code, *_ in (*RANDOM, *ENTROPY, *TIMERS_AND_IO))]
SOURCE = """
%s
said = {}
for code in %r:
    try:
        exec(code, {})
    except Exception as error:
        said[code] = f"{type(error).__name__}: {error}"
    else:
        said[code] = "nothing"

class Default(SnippetEntrypoint):
    async def fetch(self, request):
        return Response(await self.run(request))
"""
pytestmark = pytest.mark.paddock(source=SOURCE % (SNIPPETS, TRIED))


@pytest.fixture
def said(run_code) -> Callable[[str], str]:
    """`said(code)`: what the code raised at import."""
    return lambda code: run_code(f"return said[{code!r}]").text


@pytest.mark.parametrize(("head", "call", "name"), RANDOM)
def test_random_numbers_are_refused_by_name(said, run_code, head: str, call: str, name: str) -> None:
    """PW-159"""
    assert said(lines(head, call)) == f"RuntimeError: Cannot use {name}() outside of request context"
    assert run_code(f"{head}\n{call}\nreturn 'fine'").text == "fine"


@pytest.mark.parametrize(("head", "call"), ENTROPY)
def test_entropy_is_refused_and_works_in_a_handler(said, run_code, head: str, call: str) -> None:
    """PW-160"""
    text = said(lines(head, call))
    assert text.startswith("OSError: [Errno 5] Cannot get entropy outside of request context")
    assert "PYTHON_WORKERS_ALLOW_TOP_LEVEL_ENTROPY" in text
    assert run_code(f"{head}\nreturn str({call} != {call})").text == "True"


def test_importing_what_stands_on_entropy_is_fine(said) -> None:
    assert said(IMPORTS) == "nothing"


@pytest.mark.paddock(source=SOURCE % (SNIPPETS, [PERMITTED]))
def test_productions_permission_is_ours(said) -> None:
    assert said(PERMITTED) == "nothing"


@pytest.mark.parametrize(("head", "code"), TIMERS_AND_IO)
def test_timers_and_io_are_refused(said, head: str, code: str) -> None:
    """PW-104"""
    assert said(lines(head, code)).startswith("JsException: Error: Disallowed operation called within global scope.")


def test_what_is_not_strict_warns() -> None:
    """PW-159, PW-160"""
    printed: list[str] = []
    code = "import os, random\nrandom.random()\nos.urandom(4)"
    source, settings = SOURCE % (SNIPPETS, [code]), {"paddock": {"strict": False}}
    with Paddock(source=source, settings=settings, on_log=lambda _, line: printed.append(line)) as worker:
        assert snippets.run_code(worker, f"return said[{code!r}]").text == "nothing"
    assert any("Cannot use random.random() outside of request context" in line for line in printed)
    assert any("Cannot get entropy outside of request context" in line for line in printed)


def test_httpx_can_be_imported_at_the_top(said) -> None:
    assert said(HTTPX) == "nothing"


def test_packages_get_the_entropy_that_the_sdk_grants_them(tmp_path: Path) -> None:
    source = "import {}\nfrom workers import Response, WorkerEntrypoint\n\nclass Default(WorkerEntrypoint):\n"
    source += "    def fetch(self, request):\n        return Response('nothing')\n"
    (tmp_path / "python_modules" / "opentelemetry" / "trace").mkdir(parents=True)
    (tmp_path / "python_modules" / "opentelemetry" / "trace" / "propagation.py").write_text(
        "import uuid\nkey = uuid.uuid4()\n"
    )
    (tmp_path / "python_modules" / "other.py").write_text("import uuid\nkey = uuid.uuid4()\n")
    assert get_of_project(tmp_path, source.format("opentelemetry.trace.propagation")).text == "nothing"
    with pytest.raises(Exception, match="Cannot get entropy"):
        get_of_project(tmp_path, source.format("other"))


@pytest.mark.parametrize(
    ("head", "code", "text"),
    [
        ("import threading", "threading.Thread(target=print).start()", "RuntimeError: can't start new thread"),
        ("import _thread", "_thread.start_new_thread(print, ())", "RuntimeError: can't start new thread"),
        ("import subprocess", "subprocess.run(['true'])", "does not support processes"),
        ("import os", "os.fork()", "does not support processes"),
    ],
)
def test_threads_and_processes_are_refused_in_handlers_too(run_code, head: str, code: str, text: str) -> None:
    tried = f"""
{head}
try:
    {code}
except Exception as error:
    return f"{{type(error).__name__}}: {{error}}"
"""
    assert text in run_code(tried).text


IN_THREAD = """
import asyncio, threading
return str(await asyncio.to_thread(threading.get_ident) == threading.get_ident())
"""


def test_what_asks_for_a_thread_is_called_in_place(run_code) -> None:
    assert run_code(IN_THREAD).text == "True"


@pytest.mark.paddock(source=SOURCE % (SNIPPETS, []), settings={"paddock": {"strict": False}})
def test_threads_are_there_where_nothing_is_strict(run_code) -> None:
    assert run_code(IN_THREAD).text == "False"
