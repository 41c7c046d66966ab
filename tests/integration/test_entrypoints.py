"""What a module may export, and how its handlers are called, behind the real server."""

import asyncio

import httpx
import pytest


def get(serve, source: str | None, path: str = "/", **options) -> httpx.Response:
    """One GET: its reply."""

    async def run() -> httpx.Response:
        async with serve(source, **options) as running:
            reply: httpx.Response = await running.client.get(path)
            return reply

    return asyncio.run(run())


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
def test_fetch_takes_what_it_names(serve, method: str) -> None:
    """PW-002, PW-003, PW-004"""
    reply = get(serve, worker(method), strings={"GREETING": "hi"})
    assert (reply.status_code, reply.text) == (200, "fine")


def test_a_module_of_the_first_era_without_on_fetch_is_told_so(serve) -> None:
    """PW-008"""
    reply = get(serve, "def on_scheduled(event):\n    pass\n", date="2025-01-01")
    assert reply.status_code == 500
    assert 'Python entrypoint "handler.py" does not export a handler named "on_fetch"' in reply.text


@pytest.mark.parametrize(("date", "method"), [("2026-09-15", "fetch"), ("2025-01-01", "on_fetch")])
def test_the_class_goes_before_the_function(serve, date: str, method: str) -> None:
    """PW-011"""
    source = worker(f"async def {method}(self, request):\n    return Response('class')")
    assert get(serve, source + "\ndef on_fetch(request):\n    return Response('function')\n", date=date).text == "class"


def test_a_class_of_the_first_era_answers_with_on_fetch_only(serve) -> None:
    reply = get(serve, worker("def fetch(self, request):\n    return Response('x')"), date="2025-01-01")
    assert "Method on_fetch does not exist" in reply.text


def test_the_constructor_sees_a_wrapped_env_and_sets_it_with_super_only(serve) -> None:
    """PW-014"""
    method = """
def __init__(self, ctx, env):
    if env.CALL_SUPER == "yes":
        super().__init__(ctx, env)

async def fetch(self, request):
    return Response(type(self.env).__name__)
"""
    assert get(serve, worker(method), strings={"CALL_SUPER": "yes"}).text == "_EnvWrapper"
    bare = get(serve, worker(method), strings={"CALL_SUPER": "no"})
    assert bare.status_code == 500
    assert "AttributeError" in bare.text


def test_all_hides_the_class(serve) -> None:
    """PW-015"""
    reply = get(serve, worker("def fetch(self):\n    return Response('x')", "__all__ = ['Response']"))
    assert reply.status_code == 500
    assert "Handler does not export a fetch() function." in reply.text


def test_a_class_imported_into_the_main_module_is_the_entrypoint(serve, tmp_path) -> None:
    """PW-016"""
    (tmp_path / "elsewhere.py").write_text(worker("def fetch(self):\n    return Response('from elsewhere')"))
    assert get(serve, "from elsewhere import Default\n").text == "from elsewhere"


def test_a_raw_response_of_javascript_is_an_answer(serve) -> None:
    """PW-020"""
    source = worker("def fetch(self):\n    return js.Response.new('x', status=202)", "import js")
    reply = get(serve, source)
    assert (reply.status_code, reply.text) == (202, "x")


@pytest.mark.parametrize("head", ["import src.helper", ""], ids=["at import", "in the handler"])
def test_the_src_prefix_earns_productions_note(serve, head: str) -> None:
    """PW-023"""
    source = worker("def fetch(self):\n    import src.helper", head)
    reply = get(serve, source, main="src/entry.py")
    assert reply.status_code == 500
    assert "No module named 'src'" in reply.text
    assert "your import statement shouldn't include a 'src.' prefix" in reply.text


def test_request_headers_are_a_mapping_made_anew_each_time(serve) -> None:
    """PW-053, PW-054, PW-061"""
    head = "import http.client\nfrom collections.abc import Mapping"
    method = """
async def fetch(self, request):
    kinds = isinstance(request.headers, Mapping), isinstance(request.headers, http.client.HTTPMessage)
    request.headers["x-a"] = "changed"
    del request.headers["x-b"]
    names = [request.headers["x-a"], request.headers["x-b"], request.js_object.headers.get("x-b")]
    return Response.json([*kinds, *names])
"""

    async def run() -> object:
        async with serve(worker(method, head)) as running:
            return (await running.client.get("/", headers={"x-a": "1", "x-b": "2"})).json()

    assert asyncio.run(run()) == [True, True, "1", "2", "2"]


def test_cf_describes_a_made_up_client(serve) -> None:
    """PW-060"""
    method = """
async def fetch(self, request):
    cf = request.cf
    return Response.json([cf.country, cf.colo, cf.clientAcceptEncoding, Request("https://a.test").cf])
"""
    source = worker(method, "from workers import Request")
    country, colo, encoding, constructed = get(serve, source).json()
    assert (len(country), len(colo), constructed) == (2, 3, None)
    assert "gzip" in encoding


def test_without_an_ai_binding_env_has_none(serve) -> None:
    """PW-146"""
    source = worker("def fetch(self):\n    return Response(self.env.AI)")
    reply = get(serve, source, has_ai=False)
    assert reply.status_code == 500
    assert "AttributeError: AI" in reply.text


def test_run_sync_waits_in_a_synchronous_handler(serve) -> None:
    """PW-122"""
    method = """
def fetch(self, request):
    async def later():
        await asyncio.sleep(0)
        return (await request.text()).upper()
    return Response(run_sync(later()))
"""

    async def run() -> str:
        async with serve(worker(method, "import asyncio\nfrom pyodide.ffi import run_sync")) as running:
            return (await running.client.post("/", content=b"waited")).text

    assert asyncio.run(run()) == "WAITED"


def test_events_that_wait_in_synchronous_code_interleave(serve) -> None:
    """PW-122, PW-166"""
    method = """
async def fetch(self, request):
    if request.url.endswith("/wait"):
        return Response(run_sync(held))
    held.set_result("released")
    return Response("released it")
"""
    head = "import asyncio\nfrom pyodide.ffi import run_sync\nheld = asyncio.get_running_loop().create_future()"

    async def run() -> tuple[str, str]:
        async with serve(worker(method, head)) as running, asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(running.client.get("/wait"))
            other = await running.client.get("/")
            return (await waiting).text, other.text

    assert asyncio.run(run()) == ("released", "released it")


def test_run_sync_raises_what_the_awaitable_raises(serve) -> None:
    method = """
def fetch(self, request):
    async def fails():
        await asyncio.sleep(0)
        raise KeyError("missing")
    try:
        run_sync(fails())
    except KeyError as error:
        return Response(repr(error))
"""
    reply = get(serve, worker(method, "import asyncio\nfrom pyodide.ffi import run_sync"))
    assert reply.text == "KeyError('missing')"


def test_run_sync_waits_at_import(serve) -> None:
    head = """
from pyodide.ffi import can_run_sync, run_sync

async def later():
    return "later"

said = run_sync(later()), can_run_sync()
"""
    reply = get(serve, worker("def fetch(self):\n    return Response.json([*said, can_run_sync()])", head))
    assert reply.json() == ["later", True, True]


def test_context_variables_are_the_same_on_either_side_of_run_sync(serve) -> None:
    """PW-167"""
    method = """
async def fetch(self, request):
    name.set(request.url)
    async def look():
        await asyncio.sleep(0)
        return name.get()
    seen = run_sync(look())
    return Response.json([seen == name.get() == request.url])
"""
    head = """
import asyncio
from contextvars import ContextVar
from pyodide.ffi import run_sync
name = ContextVar("name")
"""
    assert get(serve, worker(method, head)).json() == [True]
