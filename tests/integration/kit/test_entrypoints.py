"""`worker.entrypoint`: methods of the handler's classes, called by a test."""

from __future__ import annotations

import traceback

import pytest

from paddock.worker.testing import JsException, Paddock, UnexpectedAiCall

SOURCE = """
from workers import Response, WorkerEntrypoint

class Admin(WorkerEntrypoint):
    calls = 0

    async def fetch(self, request):
        return Response(f"admin {self.ctx.props.name} {request.method}")

    async def double(self, value):
        self.calls += 1
        return {"value": value * 2, "calls": self.calls}

    def echo(self, *values):
        return list(values)

    def name(self):
        return self.ctx.props.name

    def options(self, first, options):
        return [first, options["limit"]]

    def fails(self):
        raise ValueError("boom")

    def page(self):
        return Response("a page", status=203)

    def function(self):
        return lambda: 1

    def later(self):
        self.ctx.waitUntil(self.env.NOTES.put("later", "done"))

    async def ask(self):
        return (await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x"}))["response"]

    def _secret(self):
        return 1

class Default(WorkerEntrypoint):
    def add(self, a, b):
        return a + b
"""
pytestmark = pytest.mark.paddock(source=SOURCE, settings={"kv_namespaces": [{"binding": "NOTES", "id": "notes"}]})
WAYS = pytest.mark.parametrize("way", ["process", pytest.param("thread", marks=pytest.mark.paddock(in_process=True))])


@WAYS
@pytest.mark.anyio
async def test_methods_of_named_and_default_entrypoints(worker: Paddock, way: str) -> None:
    """PW-039"""
    admin = worker.entrypoint("Admin", props={"name": "Ada"})
    assert await admin.double(2) == {"value": 4, "calls": 1}
    assert await admin.double(3) == {"value": 6, "calls": 1}  # a new instance for each call
    values = [None, True, 1.5, "text", b"\x00\xff", {"a": [1, {"b": None}]}]
    assert await admin.echo(*values) == values
    assert await admin.name() == "Ada"
    assert await admin.options("a", limit=3) == ["a", 3]
    assert await worker.entrypoint().add(1, 2) == await worker.entrypoint("Default").add(1, 2) == 3


def test_fetch_of_a_named_entrypoint(worker: Paddock) -> None:
    admin = worker.entrypoint("Admin", props={"name": "Ada"})
    assert admin.fetch("/x", json={}).result().text == "admin Ada POST"


def test_a_response_of_a_method(worker: Paddock) -> None:
    response = worker.entrypoint("Admin").page().result()
    assert (response.status_code, response.text) == (203, "a page")


@WAYS
def test_what_a_method_raises_is_raised_with_its_traceback(worker: Paddock, way: str) -> None:
    """DT-040"""
    with pytest.raises(ValueError, match="boom") as raised:
        worker.entrypoint("Admin").fails().result()
    assert traceback.extract_tb(raised.value.__traceback__)[-1].line == 'raise ValueError("boom")'


def test_background_work_belongs_to_the_test(worker: Paddock) -> None:
    """DT-088"""
    worker.entrypoint("Admin").later().result()
    worker.ctx.drain().result()
    assert worker.env.NOTES.get("later").result() == "done"


def test_models_answer_as_for_requests(worker: Paddock, ai) -> None:
    ai.reply("Hello.")
    assert worker.entrypoint("Admin").ask().result() == "Hello."
    with pytest.raises(UnexpectedAiCall, match="No reply is left"):
        worker.entrypoint("Admin").ask().result()


def test_what_cannot_be_called_is_refused(worker: Paddock) -> None:
    """PW-039"""
    with pytest.raises(JsException, match='does not implement the method "_secret"'):
        worker.entrypoint("Admin")._secret().result()
    with pytest.raises(JsException, match="Method nothing does not exist"):
        worker.entrypoint("Admin").nothing().result()
    with pytest.raises(JsException, match=r'"Nobody" is not exported by .*handler\.py; named entrypoints there: Admin'):
        worker.entrypoint("Nobody").name().result()
    with pytest.raises(TypeError, match=r"a result of type .* cannot leave the isolate"):
        worker.entrypoint("Admin").function().result()


def test_the_timeline_has_the_call(worker: Paddock) -> None:
    """DT-093"""
    worker.entrypoint().add(1, 2).result()
    assert "default.add -> 3" in str(worker.timeline)
