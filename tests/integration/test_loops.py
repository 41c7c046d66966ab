"""Code that makes event loops for itself, as test suites and libraries do, inside a handler."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from paddock.worker.testing import Paddock

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


def _handler(*lines: str, is_async: bool = False) -> str:
    body = "".join(f"        {line}\n" for line in lines)
    return f"{HEAD}\nclass Default(WorkerEntrypoint):\n    {'async ' * is_async}def fetch(self, request):\n{body}"


def _text(source: str) -> str:
    with Paddock(source=source) as worker:
        return worker.fetch("/").result().text


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
def test_a_loop_in_a_handler_waits(call: str, is_async: bool) -> None:
    """PW-122; workerd's test stack-switching-state: what the work does to context variables stays with it."""
    lines = 'seen.set("handler")', f"before = {call}", 'return Response(f"{before} {seen.get()}")'
    assert _text(_handler(*lines, is_async=is_async)) == "handler handler"


def test_closing_a_loop_leaves_the_handler_alone() -> None:
    source = _handler(
        "with asyncio.Runner() as runner:",
        "    first = runner.run(work())",
        "loop = asyncio.new_event_loop()",
        "asyncio.set_event_loop(loop)",
        "loop.run_until_complete(loop.shutdown_asyncgens())",
        "loop.close()",
        "return Response(first + asyncio.run(work()))",
    )
    assert _text(source) == "nothingnothing"


def test_an_error_comes_out_of_the_loop() -> None:
    source = _handler(
        "async def fail():",
        "    raise KeyError('lost')",
        "try:",
        "    asyncio.run(fail())",
        "except KeyError as error:",
        "    return Response(str(error))",
    )
    assert _text(source) == "'lost'"


def test_a_sleeping_handler_lets_others_go_on(serve, until: Callable[..., Awaitable[None]]) -> None:
    source = f"""{HEAD}
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
    assert _text(AT_IMPORT) == str([["nothing", "nothing"], *["Error: Disallowed operati"] * 2])


def test_module_level_had_nothing_to_suspend(serve) -> None:
    async def run() -> str:
        async with serve(AT_IMPORT, date="2025-01-01", flags=("python_no_global_handlers",)) as running:
            return (await running.client.get("/")).text

    assert asyncio.run(run()) == str(["No suspender"] * 3)


def test_anyio_runs_its_thread_work_in_the_handler() -> None:
    """Production has no threads: the SDK's patch of anyio makes sync routes of FastAPI run where they are called."""
    source = _handler(
        "import threading",
        "thread = await anyio.to_thread.run_sync(threading.get_ident)",
        "return Response(str(thread == threading.get_ident()))",
        is_async=True,
    )
    assert _text(f"import anyio.to_thread\n{source}") == "True"


def test_an_executor_of_ones_own_runs_in_place() -> None:
    """Source: Pyodide, webloop; asgiref brings one, for asynchronous Django."""
    source = _handler(
        "import threading",
        "from concurrent.futures import ThreadPoolExecutor",
        "asked = asyncio.get_running_loop().run_in_executor(ThreadPoolExecutor(1), threading.get_ident)",
        "return Response(str(await asked == threading.get_ident()))",
        is_async=True,
    )
    assert _text(source) == "True"


def test_with_env_lasts_as_long_as_what_it_calls() -> None:
    """PW-038; workerd's test pytest/test_env."""
    source = _handler(
        "from js import Object",
        "from pyodide.ffi import to_js",
        "from workers import import_from_javascript",
        "module = import_from_javascript('cloudflare:workers')",
        "async def read():",
        "    await asyncio.sleep(0)",
        "    return module.env.NAME",
        "inside = await module.withEnv(to_js({'NAME': 'other'}, dict_converter=Object.fromEntries), read)",
        "outside = hasattr(module.env, 'NAME')",
        "return Response(f'{inside} {outside}')",
        is_async=True,
    )
    assert _text(source) == "other False"


def test_modules_of_javascript_are_there_at_import() -> None:
    """PW-123"""
    source = f"""{HEAD}
from workers import import_from_javascript

vectorize = import_from_javascript("cloudflare:vectorize")

class Default(WorkerEntrypoint):
    def fetch(self, request):
        return Response(vectorize.DistanceMetric.DOT_PRODUCT)
"""
    assert _text(source) == "dot-product"
