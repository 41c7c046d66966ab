"""Code that makes event loops for itself, as test suites and libraries do, inside a handler."""

import pytest

from .snippets import SNIPPETS, get

HEAD = """\
import asyncio
import time
from contextvars import ContextVar

from workers import Response, WorkerEntrypoint

seen = ContextVar("seen", default="nothing")

async def work():
    await asyncio.sleep(0)
    before = seen.get()
    seen.set("work")
    return before
"""


#: Runs a request's code in an `async def`, below `/sync` in a plain function.
SOURCE = f"""{SNIPPETS}
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio.to_thread
from js import Object
from pyodide.ffi import to_js
from workers import import_from_javascript

{HEAD}
class Default(SnippetEntrypoint):
    def fetch(self, request):
        if request.url.endswith("/sync"):
            code = textwrap.indent(unquote(request.headers["x-code"]), "    ")
            exec(f"def snippet():\\n{{code}}", globals(), made := {{}})
            return made["snippet"]()
        return self.run(request)
"""
pytestmark = pytest.mark.paddock(source=SOURCE)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    "call",
    [
        "asyncio.run(work())",
        "asyncio.Runner().run(work())",
        "asyncio.new_event_loop().run_until_complete(work())",
        "asyncio.get_event_loop().run_until_complete(work())",
        "asyncio.get_event_loop().run_until_complete(asyncio.ensure_future(work()))",
    ],
)
def test_a_loop_in_a_handler_waits(run_code, call: str, is_async: bool) -> None:
    """PW-122; workerd's test stack-switching-state: what the work does to context variables stays with it."""
    code = f"seen.set('handler')\nbefore = {call}\nreturn Response(f'{{before}} {{seen.get()}}')"
    assert run_code(code, "/" if is_async else "/sync").text == "handler handler"


def test_closing_a_loop_leaves_the_handler_alone(run_code) -> None:
    code = """
with asyncio.Runner() as runner:
    first = runner.run(work())
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(loop.shutdown_asyncgens())
loop.close()
return Response(first + asyncio.run(work()))
"""
    assert run_code(code, "/sync").text == "nothingnothing"


def test_an_error_comes_out_of_the_loop(run_code) -> None:
    code = """
async def fail():
    raise KeyError('lost')
try:
    asyncio.run(fail())
except KeyError as error:
    return Response(str(error))
"""
    assert run_code(code, "/sync").text == "'lost'"


AT_IMPORT = f"""{HEAD}
async def both():
    return await asyncio.gather(work(), work())

reasons = []
for main in (both, lambda: asyncio.sleep(0.01), lambda: asyncio.wait_for(work(), 1)):
    try:
        reasons.append(asyncio.run(main()))
    except Exception as error:
        reasons.append(str(error)[:25])
time.sleep(0.01)

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        await asyncio.sleep(0.01)
        return Response(str(reasons))
"""


def test_module_level_waits_for_what_takes_no_time() -> None:
    """A site that is deployed computes its pages in this way."""
    assert get(AT_IMPORT).text == str([["nothing", "nothing"], *["Error: Disallowed operati"] * 2])


def test_module_level_had_nothing_to_suspend() -> None:
    flags = ["python_workers", "python_no_global_handlers"]
    reply = get(AT_IMPORT, {"compatibility_date": "2025-01-01", "compatibility_flags": flags})
    assert reply.text == str(["No suspender"] * 3)


def test_anyio_runs_its_thread_work_in_the_handler(run_code) -> None:
    """Production has no threads: the SDK's patch of anyio makes sync routes of FastAPI run where they are called."""
    code = """
thread = await anyio.to_thread.run_sync(threading.get_ident)
return Response(str(thread == threading.get_ident()))
"""
    assert run_code(code).text == "True"


def test_an_executor_of_ones_own_runs_in_place(run_code) -> None:
    """Source: Pyodide, webloop; asgiref brings one, for asynchronous Django."""
    code = """
asked = asyncio.get_running_loop().run_in_executor(ThreadPoolExecutor(1), threading.get_ident)
return Response(str(await asked == threading.get_ident()))
"""
    assert run_code(code).text == "True"


def test_with_env_lasts_as_long_as_what_it_calls(run_code) -> None:
    """PW-038; workerd's test pytest/test_env."""
    code = """
module = import_from_javascript('cloudflare:workers')
async def read():
    await asyncio.sleep(0)
    return module.env.NAME
inside = await module.withEnv(to_js({'NAME': 'other'}, dict_converter=Object.fromEntries), read)
outside = hasattr(module.env, 'NAME')
return Response(f'{inside} {outside}')
"""
    assert run_code(code).text == "other False"


def test_modules_of_javascript_are_there_at_import() -> None:
    """PW-123"""
    source = f"""{HEAD}
from workers import import_from_javascript

vectorize = import_from_javascript("cloudflare:vectorize")

class Default(WorkerEntrypoint):
    def fetch(self, request):
        return Response(vectorize.DistanceMetric.DOT_PRODUCT)
"""
    assert get(source).text == "dot-product"
