"""Handlers that want too much: each is stopped with production's words, and nobody else notices."""

import asyncio
import re

import httpx
import pytest

from paddock.bindings.binding import FetchRequest, FetchResponse
from paddock.worker.watchdog import Limits

HANDLER = """
import asyncio, os, re, time
from workers import Response, WorkerEntrypoint, fetch
held = None

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        global held
        path = request.url.rpartition("/")[2]
        if path == "hold":
            held = asyncio.get_running_loop().create_future()
            print("held")
            return Response(await held)
        if path == "release":
            held.set_result("released")
            return Response("done")
        if path == "pid":
            return Response(str(os.getpid()))
        %s
"""


def handler(body: str) -> str:
    """A worker that does `body` for most paths."""
    return HANDLER % body.replace("\n", "\n        ")


SPIN = "while True:\n    pass"
STUBBORN = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
NATIVE = "sum(range(10**13))"


def test_a_busy_loop_ends_alone(serve, until) -> None:
    """PW-161"""

    async def run():
        async with serve(handler(SPIN), limits=Limits(cpu_ms=300)) as running, asyncio.TaskGroup() as tasks:
            pid = await running.pid()
            held = tasks.create_task(running.client.get("/hold"))
            await until(lambda: "held" in running.lines)
            looped = await running.client.get("/loop")
            await running.client.get("/release")
            return looped, await held, pid == await running.pid()

    looped, held, is_same = asyncio.run(run())
    assert (looped.status_code, looped.headers["paddock-error"]) == (503, "cpu_limit_exceeded")
    assert "Worker exceeded CPU time limit." in looped.text
    assert re.search(r'handler\.py", line (19|20), in fetch', looped.text)
    assert (held.text, is_same) == ("released", True)


@pytest.mark.parametrize("body", [STUBBORN, NATIVE], ids=["catches everything", "native code"])
def test_a_loop_that_cannot_be_interrupted_ends_with_its_isolate(serve, body: str) -> None:
    """PW-161"""

    async def run():
        async with serve(handler(body), limits=Limits(cpu_ms=100), isolates=2) as running:
            pids = {isolate.pid for isolate in await running.isolates()}
            looped = await running.client.get("/loop")
            return looped, pids, {isolate.pid for isolate in await running.isolates()}

    looped, before, after = asyncio.run(run())
    assert (looped.status_code, looped.headers["paddock-error"]) == (503, "cpu_limit_exceeded")
    assert len(before & after) == 1


def test_time_that_is_waited_does_not_count(serve) -> None:
    body = "for _ in range(20):\n    await asyncio.sleep(0.01)\nreturn Response('rested')"

    async def run() -> str:
        async with serve(handler(body), limits=Limits(cpu_ms=20)) as running:
            return (await running.client.get("/")).text

    assert asyncio.run(run()) == "rested"


def test_processor_time_of_others_does_not_count(serve, until) -> None:
    """Twenty requests take more than the limit together, while one waits."""
    body = "until = time.process_time() + 0.03\nwhile time.process_time() < until:\n    pass\nreturn Response('worked')"

    async def run():
        async with serve(handler(body), limits=Limits(cpu_ms=200)) as running, asyncio.TaskGroup() as tasks:
            held = tasks.create_task(running.client.get("/hold"))
            await until(lambda: "held" in running.lines)
            worked = [(await running.client.get("/work")).text for _ in range(20)]
            await running.client.get("/release")
            return set(worked), (await held).text

    assert asyncio.run(run()) == ({"worked"}, "released")


@pytest.mark.parametrize("kind", ["", "async "], ids=["sync", "async"])
def test_a_stream_that_loops_is_broken_off(serve, kind: str) -> None:
    body = f"""
from js import Object, ReadableStream
from pyodide.ffi import to_js
made = []
{kind}def pull(controller):
    controller.enqueue(to_js(b"x"))
    made.append("one more")
    while len(made) > 50:
        pass
return Response(ReadableStream.new(to_js({{"pull": pull}}, dict_converter=Object.fromEntries)))"""

    async def run():
        async with serve(handler(body), limits=Limits(cpu_ms=200)) as running:
            pid = await running.pid()
            async with running.client.stream("GET", "/") as reply:
                with pytest.raises(httpx.RemoteProtocolError):
                    await reply.aread()
            return pid == int((await running.client.get("/pid")).text)

    assert asyncio.run(run())


def test_an_isolate_that_swells_is_replaced_alone(serve) -> None:
    body = "kept = []\nwhile True:\n    kept.append(os.urandom(1_000_000))"

    async def run():
        async with serve(handler(body), limits=Limits(memory_mb=150), isolates=2) as running:
            pids = {isolate.pid for isolate in await running.isolates()}
            swollen = await running.client.get("/swell")
            fine = (await running.client.get("/pid")).text
            return swollen, fine, pids, {isolate.pid for isolate in await running.isolates()}

    swollen, fine, before, after = asyncio.run(run())
    assert (swollen.status_code, swollen.headers["paddock-error"]) == (503, "memory_limit_exceeded")
    assert "Worker exceeded memory limit." in swollen.text
    assert len(before & after) == 1
    assert int(fine) in before | after


@pytest.mark.parametrize(
    ("source", "limits", "code", "said"),
    [
        ("while True:\n    pass", Limits(startup_cpu_ms=1500), "startup_limit_exceeded", "Script startup exceeded CPU"),
        (
            "x = []\nwhile True:\n    x.append(bytes(range(250)) * 40_000)",
            Limits(memory_mb=150),
            "memory_limit",
            "memory",
        ),
    ],
    ids=["processor time", "memory"],
)
def test_an_import_has_limits(serve, source: str, limits: Limits, code: str, said: str) -> None:
    async def run():
        async with serve(source, limits=limits) as running:
            return await running.client.get("/")

    reply = asyncio.run(run())
    assert reply.headers["paddock-error"].startswith(code)
    assert said in reply.text
    assert "handler.py" in reply.text


def test_one_fetch_too_many_raises(serve) -> None:
    """PW-164"""
    body = """
if path == "target":
    return Response("fine")
try:
    for number in range(9):
        await fetch(request.url + "/target")
except OSError as error:
    return Response(f"{number}: {error}")
"""
    (outside,) = replies(serve, body, "/call")
    assert outside.startswith("2: Too many subrequests by single Worker invocation. To configure this limit")


def test_bindings_are_counted_apart(serve) -> None:
    """PW-164"""
    body = """
try:
    await fetch("http://127.0.0.1:1/")
except OSError:
    pass
try:
    for number in range(9):
        await self.env.HELLO.greet("you")
except Exception as error:
    return Response(f"{number}: {error}")
"""
    first, second = replies(serve, body, "/one", "/two")
    assert first.startswith("2: Error: Too many API requests by single Worker invocation. To configure this limit")
    assert second == first, "each request has its own count"


class Gate:
    """A namespace of KV that answers when it is let go, and counts who waits."""

    kind = "kv"

    def __init__(self) -> None:
        self.open = 0
        self.is_free = asyncio.Event()

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        self.open += 1
        await self.is_free.wait()
        return FetchResponse(404)

    async def close(self) -> None:
        """It holds nothing."""


class Opener:
    """A binding that lets a gate go, and answers how many had come so far: what was sent before it has arrived."""

    kind = "hello"

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        count = self._gate.open
        self._gate.is_free.set()
        return FetchResponse(200, body=str(count).encode())

    async def close(self) -> None:
        """It holds nothing."""


def test_six_connections_are_open_at_once_and_the_others_wait(serve) -> None:
    body = """
waiting = [self.env.KV.get(str(number)) for number in range(9)]
waiting = [asyncio.ensure_future(one) for one in waiting]
await asyncio.sleep(0)
count = await self.env.OPENER.greet("x")
return Response(f"{count} {await asyncio.gather(*waiting)}")
"""

    async def run() -> tuple[str, int]:
        gate = Gate()
        async with serve(handler(body), more={"KV": gate, "OPENER": Opener(gate)}) as running:
            return (await running.client.get("/")).text, gate.open

    assert asyncio.run(run()) == (f"6 {[None] * 9}", 9)


def replies(serve, body: str, *paths: str) -> list[str]:
    """What a worker that may fetch twice says to each of them."""

    async def run() -> list[str]:
        async with serve(handler(body), limits=Limits(subrequests=2)) as running:
            return [(await running.client.get(path)).text for path in paths]

    return asyncio.run(run())


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.Future()",
        "await asyncio.Event().wait()",
        "await asyncio.gather(asyncio.sleep(0), asyncio.Queue().get())",
        "from js import Promise\nawait Promise.new(lambda resolve, reject: None)",
        "from js import Promise\nawait Promise.all([Promise.new(lambda resolve, reject: None)])",
        "from js import TransformStream\nawait TransformStream.new().readable.getReader().read()",
        "self.own = asyncio.Future()\nawait self.own",
    ],
)
def test_a_handler_that_can_never_answer_is_reported(serve, body: str) -> None:
    """PW-162"""

    async def run():
        async with serve(handler(body)) as running:
            pid = await running.pid()
            reply = await running.client.get("/")
            return reply, pid == int((await running.client.get("/pid")).text), running.lines

    reply, is_same, lines = asyncio.run(run())
    assert reply.status_code == 500
    assert "The script will never generate a response." in reply.text
    assert 'handler.py", line' in reply.text
    assert is_same
    if "gather" not in body:  # of tasks that it started itself, asyncio says so
        assert not [line for line in lines if "destroyed" in line]


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.sleep(1.2)",
        "await asyncio.to_thread(time.sleep, 1.2)",
        (
            "from js import setTimeout\nfrom pyodide.ffi import create_once_callable\nend = asyncio.Future()\n"
            "setTimeout(create_once_callable(lambda: end.set_result(1)), 1200)\nawait end"
        ),
        "process = await asyncio.create_subprocess_exec('sleep', '1.2')\nawait process.wait()",
        "end = asyncio.Future()\nasyncio.get_running_loop().call_later(1.2, end.set_result, 1)\nawait end",
    ],
)
def test_a_handler_that_answers_late_is_waited_for(serve, body: str) -> None:
    """PW-162"""

    async def run() -> str:
        async with serve(handler(f"{body}\nreturn Response('at last')")) as running:
            return (await running.client.get("/")).text

    assert asyncio.run(run()) == "at last"


def test_work_of_wait_until_has_its_time(serve, until) -> None:
    body = "self.ctx.waitUntil(asyncio.sleep(60))\nreturn Response('now')"

    async def run() -> str:
        async with serve(handler(body), wait_until_s=0.1) as running:
            text = (await running.client.get("/")).text
            await until(lambda: any("waitUntil() tasks did not complete" in line for line in running.lines))
            return text

    assert asyncio.run(run()) == "now"


def test_isolates_share_requests_and_are_replaced_alone(serve, until) -> None:
    async def run():
        async with (
            serve(handler("await asyncio.sleep(60)"), isolates=3, has_standby=True) as running,
            asyncio.TaskGroup() as tasks,
        ):
            before = await running.isolates()
            waiting = [tasks.create_task(running.client.get("/wait")) for _ in range(3)]
            await until(lambda: [isolate.open_events for isolate in before] == [1, 1, 1])
            before[0].kill()
            done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            after = await running.isolates()
            for task in others:
                task.cancel()
            return [task.result() for task in done], before, after

    broken, before, after = asyncio.run(run())
    assert [(reply.status_code, reply.headers["paddock-error"]) for reply in broken] == [(500, "isolate_crashed")]
    assert after[1:] == before[1:]
    assert after[0] != before[0]


def test_a_request_that_follows_a_death_is_served_by_another_isolate(serve) -> None:
    async def run() -> list[int]:
        async with serve(handler("return Response('fine')"), isolates=2, has_standby=True) as running:
            statuses = []
            for _ in range(4):
                isolate = (await running.isolates())[0]
                isolate.kill()
                await isolate.wait_closed()
                statuses.append((await running.client.get("/")).status_code)
            return statuses

    assert asyncio.run(run()) == [200] * 4


def test_new_code_is_served_by_the_process_that_stood_by(serve, until) -> None:
    async def run():
        async with serve(handler("return Response('old')"), has_standby=True) as running:
            await running.pid()
            standby = running.supervisor._standby
            await until(lambda: standby.isolate.pid)
            running.handler.write_text(handler("return Response('new')"))
            running.supervisor.replace()
            text = (await running.client.get("/")).text
            return text, standby.isolate.pid, int((await running.client.get("/pid")).text)

    text, standby, serving = asyncio.run(run())
    assert (text, serving) == ("new", standby)


def test_a_standby_that_died_is_replaced_by_a_fresh_process(serve, until) -> None:
    async def run():
        async with serve(handler("return Response('old')"), has_standby=True) as running:
            await running.pid()
            standby = running.supervisor._standby.isolate
            await until(lambda: standby.pid)
            standby.kill()
            await standby.wait_closed()
            running.handler.write_text(handler("return Response('new')"))
            running.supervisor.replace()
            return (await running.client.get("/")).text

    assert asyncio.run(run()) == "new"
