"""What a module may export, and how its handlers are called."""

from pathlib import Path

import pytest

from paddock.worker.testing import Paddock

from .snippets import SNIPPETS, get, get_of_project

SOURCE = (
    f"{SNIPPETS}"
    """
import asyncio
import http.client
from collections.abc import Mapping
from contextvars import ContextVar
from pyodide.ffi import run_sync
from workers import Request

held = asyncio.get_running_loop().create_future()
name = ContextVar("name")

class Default(SnippetEntrypoint):
    async def fetch(self, request):
        path = request.url.rpartition("/")[2]
        if path == "wait":
            return Response(run_sync(held))
        if path == "release":
            held.set_result("released")
            return Response("released it")
        return await self.run(request, self=self, request=request)
"""
)
FIRST_ERA = {"compatibility_date": "2025-01-01"}
pytestmark = pytest.mark.paddock(source=SOURCE)


def worker(method: str, head: str = "") -> str:
    """A class entrypoint with one method."""
    lines = "\n".join(f"    {line}" for line in method.splitlines())
    return f"from workers import Response, WorkerEntrypoint\n{head}\n\nclass Default(WorkerEntrypoint):\n{lines}\n"


@pytest.mark.parametrize(
    "method",
    [
        "def fetch(self, request):\n    return Response('fine')",
        "async def fetch(self):\n    return Response('fine')",
        "def fetch(self, request, env, ctx):\n    return Response('fine' if env is ctx is None else 'wrong')",
        "def fetch(self):\n    return Response('fine' if self.env.GREETING == 'hi' else 'wrong')",
        "async def fetch(self, *args):\n    return Response('fine' if len(args) == 3 else 'wrong')",
    ],
    ids=["sync", "no request", "env and ctx", "own env", "any number"],
)
def test_fetch_takes_what_it_names(method: str) -> None:
    """PW-002, PW-003, PW-004"""
    reply = get(worker(method), vars={"GREETING": "hi"})
    assert (reply.status_code, reply.text) == (200, "fine")


def test_a_module_of_the_first_era_without_on_fetch_is_told_so() -> None:
    """PW-008"""
    said = r'Python entrypoint "handler\.py" does not export a handler named "on_fetch"'
    with pytest.raises(Exception, match=said):
        get("def on_scheduled(event):\n    pass\n", FIRST_ERA)


@pytest.mark.parametrize(("date", "method"), [("2026-09-15", "fetch"), ("2025-01-01", "on_fetch")])
def test_the_class_goes_before_the_function(date: str, method: str) -> None:
    """PW-011"""
    source = worker(f"async def {method}(self, request):\n    return Response('class')")
    source += "\ndef on_fetch(request):\n    return Response('function')\n"
    assert get(source, {"compatibility_date": date}).text == "class"


def test_a_class_of_the_first_era_answers_with_on_fetch_only() -> None:
    with pytest.raises(Exception, match="Method on_fetch does not exist"):
        get(worker("def fetch(self, request):\n    return Response('x')"), FIRST_ERA)


def test_the_constructor_sees_a_wrapped_env_and_sets_it_with_super_only() -> None:
    """PW-014"""
    method = """
def __init__(self, ctx, env):
    if env.CALL_SUPER == "yes":
        super().__init__(ctx, env)

async def fetch(self, request):
    return Response(type(self.env).__name__)
"""
    assert get(worker(method), vars={"CALL_SUPER": "yes"}).text == "_EnvWrapper"
    with pytest.raises(AttributeError):
        get(worker(method), vars={"CALL_SUPER": "no"})


def test_all_hides_the_class() -> None:
    """PW-015"""
    with pytest.raises(Exception, match=r"Handler does not export a fetch\(\) function\."):
        get(worker("def fetch(self):\n    return Response('x')", "__all__ = ['Response']"))


def test_a_class_imported_into_the_main_module_is_the_entrypoint(tmp_path: Path) -> None:
    """PW-016"""
    (tmp_path / "elsewhere.py").write_text(worker("def fetch(self):\n    return Response('from elsewhere')"))
    assert get_of_project(tmp_path, "from elsewhere import Default\n").text == "from elsewhere"


def test_a_raw_response_of_javascript_is_an_answer(run_code) -> None:
    """PW-020"""
    reply = run_code("import js\nreturn js.Response.new('x', status=202)")
    assert (reply.status_code, reply.text) == (202, "x")


def test_request_headers_are_a_mapping_made_anew_each_time(run_code) -> None:
    """PW-053, PW-054, PW-061"""
    code = """
kinds = isinstance(request.headers, Mapping), isinstance(request.headers, http.client.HTTPMessage)
request.headers["x-a"] = "changed"
del request.headers["x-b"]
names = [request.headers["x-a"], request.headers["x-b"], request.js_object.headers.get("x-b")]
return Response.json([*kinds, *names])
"""
    assert run_code(code, headers={"x-a": "1", "x-b": "2"}).json() == [True, True, "1", "2", "2"]


def test_cf_describes_a_made_up_client(run_code) -> None:
    """PW-060"""
    code = """
cf = request.cf
return Response.json([cf.country, cf.colo, cf.clientAcceptEncoding, Request("https://a.test").cf])
"""
    country, colo, encoding, constructed = run_code(code, headers={"accept-encoding": "gzip"}).json()
    assert (len(country), len(colo), constructed) == (2, 3, None)
    assert "gzip" in encoding


def test_without_an_ai_binding_env_has_none(tmp_path: Path) -> None:
    """PW-146"""
    with pytest.raises(AttributeError, match="AI"):
        get_of_project(tmp_path, worker("def fetch(self):\n    return Response(self.env.AI)"))


def test_run_sync_waits_in_a_synchronous_handler() -> None:
    """PW-122"""
    method = """
def fetch(self, request):
    async def later():
        await asyncio.sleep(0)
        return (await request.text() + "waited").upper()
    return Response(run_sync(later()))
"""
    assert get(worker(method, "import asyncio\nfrom pyodide.ffi import run_sync")).text == "WAITED"


def test_events_that_wait_in_synchronous_code_interleave(worker: Paddock) -> None:
    """PW-122, PW-166"""
    waiting = worker.fetch("/wait")
    released = worker.fetch("/release").result()
    assert (waiting.result().text, released.text) == ("released", "released it")


def test_run_sync_raises_what_the_awaitable_raises(run_code) -> None:
    code = """
async def fails():
    await asyncio.sleep(0)
    raise KeyError("missing")
try:
    run_sync(fails())
except KeyError as error:
    return Response(repr(error))
"""
    assert run_code(code).text == "KeyError('missing')"


def test_run_sync_waits_at_import() -> None:
    head = """
from pyodide.ffi import can_run_sync, run_sync

async def later():
    return "later"

said = run_sync(later()), can_run_sync()
"""
    reply = get(worker("def fetch(self):\n    return Response.json([*said, can_run_sync()])", head))
    assert reply.json() == ["later", True, True]


def test_context_variables_are_the_same_on_either_side_of_run_sync(run_code) -> None:
    """PW-167"""
    code = """
name.set(request.url)
async def look():
    await asyncio.sleep(0)
    return name.get()
seen = run_sync(look())
return Response.json([seen == name.get() == request.url])
"""
    assert run_code(code).json() == [True]
