"""A worker that passes on what it is asked, so that tests say everything themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paddock.worker.testing.session import Session

#: `/run` runs a model with the body's inputs; the other paths are what their names say.
SOURCE = """
import asyncio
from workers import Response, WorkerEntrypoint, fetch

class TeaIsCold(Exception):
    def __init__(self, cup, *, degrees):
        super().__init__(f"{cup} has {degrees} degrees")
        self.degrees = degrees

def deeper(path):
    if path == "/error":
        raise ValueError("the kettle is empty")
    raise TeaIsCold("mine", degrees=12)

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = "/" + request.url.split("/", 3)[3]
        if path == "/run":
            asked = await request.json()
            answer = await self.env.AI.run(asked["model"], asked["inputs"])
            is_stream = asked["inputs"].get("stream")
            return Response(answer) if is_stream else Response.json(answer)
        if path.startswith("/get/"):
            response = await fetch(path.removeprefix("/get/"))
            return Response(await response.text(), headers={"x-status": str(response.status)})
        if path == "/socket":
            await fetch("https://example.com/socket", headers={"upgrade": "websocket"})
        if path == "/later":
            self.ctx.waitUntil(self.remember())
        if path == "/never":
            self.ctx.waitUntil(asyncio.Event().wait())
        if path == "/later-error":
            self.ctx.waitUntil(self.fail())
        if path in ("/error", "/tea"):
            deeper(path)
        return Response(f"{request.method} {request.url} {await request.text()}", headers={"x-seen": "yes"})

    async def remember(self):
        await self.env.NOTES.put("later", "done")

    async def fail(self):
        raise LookupError("nobody is there")

    async def scheduled(self, controller, env, ctx):
        if controller.cron == "bad":
            raise ValueError("no such time")
        await self.env.NOTES.put("cron", f"{controller.cron} at {controller.scheduledTime}")

    async def queue(self, batch, env, ctx):
        for message in batch.messages:
            message.retry() if message.body == "again" else message.ack()
"""

SETTINGS = {
    "kv_namespaces": [{"binding": "NOTES", "id": "notes"}],
    "vars": {"GREETING": "hello", "LIMITS": {"most": 3}},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        has_own = any("source" in marker.kwargs for marker in item.iter_markers("paddock"))
        if "/kit/" in str(item.path) and not has_own:
            item.add_marker(pytest.mark.paddock(source=SOURCE, settings=SETTINGS), append=False)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="module")
def _nothing_runs_on(paddock_session: Session) -> Iterator[None]:
    """An isolate in this process is lenient for all of it: other modules' tests must not meet it."""
    yield
    paddock_session.close()
