"""Several workers of one session: those of the marker's `beside`, and `Paddock(beside=...)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paddock.worker.errors import ConfigError
from paddock.worker.testing import JsException, Paddock

if TYPE_CHECKING:
    from pathlib import Path

FRONT = """
from js import WebSocketPair
from pyodide.ffi import create_proxy
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = "/" + request.url.split("/", 3)[3]
        if path == "/greet":
            return Response(await self.env.GREETER.greet("Ada"))
        if path == "/apply":
            return Response(str(await self.env.GREETER.apply(lambda n: n + 1)))
        if path == "/raise":
            return Response(await self.env.GREETER.fails())
        if path == "/later":
            self.ctx.waitUntil(self.env.BACK.fetch("https://back/later"))
        if path == "/send":
            await self.env.JOBS.send({"n": 1})
        if path == "/log":
            print("logged by the front")
        if path.startswith("/back"):
            return await self.env.BACK.fetch(request)
        return Response("front " + path)
"""
BACK = """
from js import WebSocketPair
from pyodide.ffi import create_proxy
from workers import Response, WorkerEntrypoint

class Greeter(WorkerEntrypoint):
    async def greet(self, name):
        answer = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": name})
        return f"{self.ctx.props.greeting} {name}, {answer['response']}"

    async def apply(self, function):
        return await function(41)

    async def fails(self):
        raise ValueError("boom")

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = "/" + request.url.split("/", 3)[3]
        if path == "/later":
            self.ctx.waitUntil(self.remember("later", "done"))
        if path == "/fail-later":
            self.ctx.waitUntil(self.fail())
        if path == "/back/echo":
            client, server = WebSocketPair.new().object_values()
            server.accept()
            server.addEventListener("message", create_proxy(lambda event: server.send(event.data + "!")))
            return Response(None, status=101, web_socket=client)
        return Response(f"back {path}")

    async def remember(self, name, value):
        await self.env.NOTES.put(name, value)

    async def fail(self):
        raise LookupError("nobody is there")

    async def queue(self, batch, env, ctx):
        for message in batch.messages:
            await self.remember("job", str(message.body.n))

    async def scheduled(self, controller, env, ctx):
        await self.remember("cron", controller.cron)

    async def tail(self, events, env, ctx):
        for event in events:
            if not hasattr(event.event, "request"):
                continue
            logs = [line for log in event.logs for line in log.message]
            if event.event.request.url.endswith("/unwanted"):
                raise RuntimeError("an event that the tail worker cannot take")
            await self.remember("tail", f"{event.scriptName} {event.event.request.url} {logs} {event.outcome}")
"""
NOTES = [{"binding": "NOTES", "id": "notes"}]
FRONT_SETTINGS = {
    "name": "front",
    "kv_namespaces": NOTES,
    "services": [
        {"binding": "BACK", "service": "back"},
        {"binding": "GREETER", "service": "back", "entrypoint": "Greeter", "props": {"greeting": "Howdy"}},
    ],
    "queues": {"producers": [{"binding": "JOBS", "queue": "jobs"}]},
    "tail_consumers": [{"service": "back"}],
}
BACK_SETTINGS = {
    "name": "back",
    "kv_namespaces": NOTES,
    "queues": {"consumers": [{"queue": "jobs", "max_batch_timeout": 60}]},
}
BESIDE = {"source": BACK, "settings": BACK_SETTINGS}
WAYS = pytest.mark.parametrize(
    "way", ["process", pytest.param("thread", marks=pytest.mark.paddock(in_process=True))]
)  # fmt: skip
pytestmark = pytest.mark.paddock(source=FRONT, settings=FRONT_SETTINGS, beside=[BESIDE])


@WAYS
def test_a_service_binding_leads_to_the_worker_beside(worker: Paddock, ai, way: str) -> None:
    """DT-047"""
    ai.reply("good day")
    assert worker.fetch("/back/x").result().text == "back /back/x"
    assert worker.fetch("/greet").result().text == "Howdy Ada, good day"
    assert worker.fetch("/apply").result().text == "42"
    ai.assert_called_once_with(contains="Ada")


def test_exceptions_cross_as_in_production(worker: Paddock) -> None:
    with pytest.raises(JsException, match="ValueError: boom"):
        worker.fetch("/raise").result()


@pytest.mark.anyio
async def test_the_worker_beside_is_asked_by_the_test_as_well(worker: Paddock) -> None:
    back = worker.worker("back")
    assert (await back.fetch("/x")).text == "back /x"
    assert (await back.scheduled("* * * * *")).outcome == "ok"
    assert await back.env.NOTES.get("cron") == "* * * * *"
    with pytest.raises(KeyError, match="expected one of front, back; got 'other'"):
        worker.worker("other")


def test_websockets_go_through(worker: Paddock) -> None:
    with worker.websocket("/back/echo") as ws:
        ws.send("hi")
        assert ws.receive().result() == "hi!"


def test_storage_is_shared_by_id(worker: Paddock) -> None:
    worker.env.NOTES.put("a", "b").result()
    assert worker.worker("back").env.NOTES.get("a").result() == "b"


def test_storage_of_both_is_new_in_the_next_test(worker: Paddock) -> None:
    """DT-087"""
    assert worker.env.NOTES.get("a").result() is None
    assert worker.worker("back").env.NOTES.get("a").result() is None


def test_background_work_is_awaited_through_both_workers(worker: Paddock) -> None:
    """DT-088"""
    worker.fetch("/later").result()
    worker.ctx.drain().result()
    assert worker.env.NOTES.get("later").result() == "done"


def test_background_work_of_the_worker_beside_fails_the_test(worker: Paddock) -> None:
    """DT-088"""
    worker.worker("back").fetch("/fail-later").result()
    with pytest.raises(LookupError, match="nobody is there"):
        worker.ctx.drain().result()


def test_tail_workers_are_told(worker: Paddock) -> None:
    worker.fetch("/log").result()
    worker.ctx.drain().result()
    assert worker.env.NOTES.get("tail").result() == "front http://worker.test/log ['logged by the front'] ok"


def test_what_a_tail_worker_raises_fails_the_test(worker: Paddock) -> None:
    worker.fetch("/unwanted").result()
    with pytest.raises(RuntimeError, match="cannot take"):
        worker.ctx.drain().result()


@pytest.mark.anyio
async def test_a_queue_is_consumed_by_the_worker_beside(worker: Paddock) -> None:
    await worker.fetch("/send")
    await worker.ctx.drain()
    assert await worker.env.NOTES.get("job") == "1"
    assert "back: queue jobs -> ok" in str(worker.timeline)


def test_the_timeline_names_the_worker(worker: Paddock) -> None:
    """DT-093"""
    worker.fetch("/x").result()
    worker.worker("back").fetch("/y").result()
    assert "front: GET http://worker.test/x" in str(worker.timeline)
    assert "back: GET http://worker.test/y" in str(worker.timeline)


def test_configurations_on_disk(tmp_path: Path) -> None:
    """DT-047, DT-094"""
    for name, source, text in (
        ("front", FRONT, '[[services]]\nbinding = "BACK"\nservice = "back"\n'),
        ("back", BACK, '[[kv_namespaces]]\nbinding = "NOTES"\nid = "notes"\n'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "handler.py").write_text(source)
        head = f'name = "{name}"\nmain = "handler.py"\ncompatibility_date = "2026-09-15"\n'
        flags = 'compatibility_flags = ["python_workers"]\n'
        (tmp_path / name / "wrangler.toml").write_text(head + flags + text)
    with Paddock(tmp_path / "front" / "wrangler.toml", beside=[tmp_path / "back" / "wrangler.toml"]) as worker:
        assert worker.fetch("/back/x").result().text == "back /back/x"


@pytest.mark.parametrize(
    ("beside", "text"),
    [
        ([7], "beside: expected the paths of configurations, or objects with config or source; got 7"),
        ([{"source": BACK, "in_process": True}], "expected the paths of configurations"),
        ([{"source": BACK, "port": 1}], "got port"),
        ([{"source": BACK, "settings": {"name": "front"}}], "to have a name of its own"),
    ],
)
def test_workers_that_do_not_fit_are_refused(beside: list, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Paddock(source=FRONT, settings=FRONT_SETTINGS, beside=beside).open()
