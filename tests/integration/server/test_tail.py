"""Tail workers: what they are told of the events of others, in a real `paddock dev`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BASE = """
name = "{name}"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers", "service_binding_extra_handlers"]
services = [{{ binding = "OTHER", service = "{other}" }}]
kv_namespaces = [{{ binding = "KV", id = "told" }}]
[paddock.engine]
kind = "off"
"""
WATCHED = """
import os
import signal
from js import console
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint

class Named(WorkerEntrypoint):
    def method(self):
        print("called")

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        raise ValueError("failed")

    async def queue(self, batch, env, ctx):
        pass

    async def fetch(self, request):
        if request.url.endswith("/told"):
            names = (await self.env.KV.list())["keys"]
            return Response.json([await self.env.KV.get(name["name"]) for name in names])
        if request.url.endswith("/queued"):
            return await self.env.OTHER.fetch(request)
        if request.url.endswith("/raises"):
            raise ValueError("boom")
        if request.url.endswith("/dies"):
            os.kill(os.getpid(), signal.SIGKILL)
        print("one", 2)
        console.warn("a", to_js([1]))
        return Response("done", status=201)
"""
TAIL = """
import json
import uuid
from js import JSON, Object
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        messages = [{"id": str(n), "timestamp": 1, "attempts": 1, "body": "x" * 1000} for n in range(100)]
        await self.env.OTHER.queue("jobs", to_js(messages, dict_converter=Object.fromEntries))
        return Response("queued")

    async def tail(self, events, env, ctx):
        for event in events:
            if event.scriptName == "watched":
                told = json.loads(JSON.stringify(event))
                if hasattr(event.event, "request"):
                    told["unredacted"] = event.event.request.getUnredacted().url
                await self.env.KV.put(uuid.uuid4().hex, json.dumps(told))
"""


@pytest.fixture(scope="module")
def client(start_dev: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("session")
    flags: list[str] = []
    for name, handler, text in [("watched", WATCHED, 'tail_consumers = [{service = "tail"}]\n'), ("tail", TAIL, "")]:
        place = folder / name
        place.mkdir()
        (place / "handler.py").write_text(handler)
        (place / "wrangler.toml").write_text(
            text + BASE.format(name=name, other="tail" if name == "watched" else "watched")
        )
        flags += ["-c", str(place / "wrangler.toml")]
    server = start_dev(folder, folder / "ready", *flags)
    with server.client as client:
        yield client
    assert server.stop() == 130


def told(client: httpx.Client, key: str, value: str) -> dict[str, Any]:
    """What the tail worker was told of the event, once it was: the one whose event has this in it."""
    while True:
        for text in client.get("/told").json():
            item: dict[str, Any] = json.loads(text)
            found = item["event"]
            for part in key.split("."):
                found = found.get(part, {})
            if found == value:
                return item


def test_a_request_is_told_with_its_logs(client: httpx.Client) -> None:
    """Source: workerd, api/trace."""
    url = str(client.base_url.join("/card/4111111111111111"))
    assert client.get(url, headers={"authorization": "Bearer x", "x-a": "1"}).status_code == 201
    item = told(client, "request.url", url.replace("4111111111111111", "REDACTED"))
    assert (item["scriptName"], item["outcome"], item["exceptions"]) == ("watched", "ok", [])
    assert [(log["level"], log["message"]) for log in item["logs"]] == [("log", ["one 2"]), ("warn", ["a", [1]])]
    assert item["event"]["response"] == {"status": 201}
    assert item["unredacted"] == url
    request = item["event"]["request"]
    assert (request["method"], request["headers"]["authorization"], request["headers"]["x-a"]) == (
        "GET",
        "REDACTED",
        "1",
    )
    assert item["eventTimestamp"] <= item["logs"][0]["timestamp"]


@pytest.mark.parametrize(
    ("path", "outcome", "raised"), [("raises", "exception", "ValueError: boom"), ("dies", "internalError", "")]
)
def test_how_a_request_failed_is_told(client: httpx.Client, path: str, outcome: str, raised: str) -> None:
    url = str(client.base_url.join(f"/{path}"))
    assert client.get(url).status_code == 500
    item = told(client, "request.url", url)
    assert item["outcome"] == outcome
    assert "".join(exception["message"] for exception in item["exceptions"]).strip().endswith(raised)


def test_other_events_are_told_as_what_they_are(client: httpx.Client) -> None:
    client.get("/cdn-cgi/local/scheduled?cron=*+*+*+*+*&time=1000")
    item = told(client, "cron", "* * * * *")
    assert (item["event"]["scheduledTime"], item["outcome"]) == (1000, "exception")


def test_a_batch_is_told_of_however_large_it_is(client: httpx.Client) -> None:
    assert client.get("/queued").text == "queued"
    assert told(client, "queue", "jobs")["event"]["batchSize"] == 100
