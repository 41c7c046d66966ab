"""What requests bring to a handler, what it may answer, and what stays between them."""

from pathlib import Path

import pytest

from paddock.worker.testing import Paddock

from .snippets import SNIPPETS, get, get_of_project

SOURCE = (
    f"{SNIPPETS}"
    """
import asyncio

count = 0
waiting = None

class Default(SnippetEntrypoint):
    calls = 0

    async def fetch(self, request):
        global count, waiting
        path = request.url.partition("://")[2].partition("/")[2]
        if path == "count":
            count += 1
            self.calls += 1
            return Response(f"{request.method} {request.url.partition('/')[0]} {count} {self.calls}")
        if path == "wait":
            waiting = asyncio.get_running_loop().create_future()
            return Response(await waiting)
        if path == "release":
            while waiting is None:
                await asyncio.sleep(0)
            waiting.set_result("released")
            return Response("ok")
        return await self.run(request, self=self, request=request)
"""
)
SETTINGS = {"compatibility_flags": ["python_workers", "nodejs_compat"]}
VARS = {"GREETING": "hi", "NESTED": {"a": {"b": 1}}, "WHO": "me"}
FIRST_ERA = {"compatibility_date": "2025-01-01"}
pytestmark = pytest.mark.paddock(source=SOURCE, settings=SETTINGS, vars=VARS)


def test_a_new_instance_serves_every_request_and_globals_persist(worker: Paddock) -> None:
    """PW-001, PW-013"""
    assert [worker.fetch("/count").result().text for _ in range(2)] == ["GET http: 1 1", "GET http: 2 1"]


@pytest.mark.parametrize("parameters", ["request, env, ctx", "request, env", "request", ""])
def test_on_fetch_takes_as_many_arguments_as_it_names(parameters: str) -> None:
    """PW-005, PW-010"""
    source = (
        f"from js import Response\n\nasync def on_fetch({parameters}):\n    return Response.new('ok', status=201)\n"
    )
    reply = get(source, FIRST_ERA)
    assert (reply.status_code, reply.text) == (201, "ok")
    flags = ["python_workers", "disable_python_no_global_handlers"]
    assert get(source, {"compatibility_flags": flags}).status_code == 201


def test_on_fetch_with_a_later_date_is_refused_in_productions_words() -> None:
    """PW-009"""
    with pytest.raises(Exception, match=r"Handler does not export a fetch\(\) function\."):
        get("def on_fetch(request):\n    pass\n")


def test_a_class_without_fetch_is_refused() -> None:
    """PW-012"""
    source = "from workers import WorkerEntrypoint\n\nclass Default(WorkerEntrypoint):\n    pass\n"
    with pytest.raises(Exception, match="Method fetch does not exist"):
        get(source)


def test_vars_and_missing_names_of_env(run_code) -> None:
    """PW-125, PW-126, PW-127"""
    code = """
env = self.env
missing = getattr(env, "NOPE", "default")
try:
    env["GREETING"]
except TypeError:
    return Response.json([env.GREETING, env.NESTED.a.b, missing, hasattr(env, "NOPE")])
"""
    assert run_code(code).json() == ["hi", 1, "default", False]


def test_the_request_reaches_the_handler_whole(run_code) -> None:
    """PW-040, PW-042, PW-043, PW-050"""
    code = 'return Response.json([request.method == "POST", request.url, await request.json(), request.headers["x-a"]])'
    reply = run_code(code, "/a%2Fb?q=1", json={"n": [1]}, headers={"x-a": "1"})
    assert reply.json() == [True, "http://worker.test/a%2Fb?q=1", {"n": [1]}, "1"]


def test_a_large_body_streams_both_ways(run_code) -> None:
    sent = bytes(range(256)) * 2000
    assert run_code("data = await request.bytes()\nreturn Response(data[::-1])", content=sent).content == sent[::-1]


def test_a_request_body_handed_on_unread_comes_back_whole(run_code) -> None:
    sent = bytes(range(256)) * 2000
    assert run_code("return Response(request.body)", content=sent).content == sent


def test_status_text_headers_and_cookies_reach_the_client(run_code) -> None:
    """PW-073, PW-074"""
    code = 'return Response("x", status=201, headers=[["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["x-n", "1"]])'
    reply = run_code(code)
    assert (reply.status_code, reply.headers["x-n"]) == (201, "1")
    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("value", ['"text"', "{}", "None", "1"])
def test_anything_but_a_response_is_refused_in_productions_words(run_code, value: str) -> None:
    """PW-017, PW-018"""
    with pytest.raises(Exception, match="did not resolve to 'Response'"):
        run_code(f"return {value}")


def test_a_tuple_cannot_be_sent(run_code) -> None:
    """PW-019"""
    with pytest.raises(Exception, match="cannot be sent over RPC"):
        run_code("return (1, 2)")


def test_requests_interleave_in_one_isolate(worker: Paddock) -> None:
    """PW-166"""
    held = worker.fetch("/wait")
    released = worker.fetch("/release").result()
    assert (held.result().text, released.text) == ("released", "ok")


def test_a_sibling_module_and_a_file_beside_the_handler_are_found(tmp_path: Path) -> None:
    """PW-024, PW-165"""
    (tmp_path / "helper.py").write_text("VALUE = 'from helper'\n")
    (tmp_path / "note.txt").write_text("from file")
    source = """
import helper
from pathlib import Path
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(helper.VALUE + ' ' + (Path(__file__).parent / 'note.txt').read_text())
"""
    assert get_of_project(tmp_path, source).text == "from helper from file"


LATER = """
import js
from js import Response
async def later():
    return Response.new("x")
async def on_fetch(request):
    return later()
"""


@pytest.mark.parametrize("source", [LATER, LATER.replace("return later()", "return js.Promise.resolve(later())")])
def test_a_promise_that_nobody_awaited_is_awaited(source: str) -> None:
    """As JavaScript does with what an async function returns: `return fetch(request)`."""
    reply = get(source, {"compatibility_date": "2025-06-01"})
    assert (reply.status_code, reply.text) == (200, "x")


PROCESS = """from js import process
return Response(f'{process.env.WHO} {process.versions.node[:3]} {process.platform} {process.cwd()}')"""


def test_process_exists_with_its_flag(run_code) -> None:
    reply = run_code(PROCESS)
    assert (reply.status_code, reply.text) == (200, "me 22. linux /bundle")


@pytest.mark.paddock(settings={"compatibility_flags": ["python_workers"]})
def test_process_does_not_exist_without_its_flag(run_code) -> None:
    with pytest.raises(Exception, match="process"):
        run_code(PROCESS)
