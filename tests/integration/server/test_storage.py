"""`paddock dev` in a process of its own: KV and assets as a project configures them, over restarts and deaths."""

import signal
from pathlib import Path

import pytest

HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.method == "PUT":
            await self.env.STORE.put("key", request.body, metadata={"from": "a test"})
            return Response("stored")
        if request.url.endswith("/asset"):
            return await self.env.ASSETS.fetch("https://assets.local/page")
        found = await self.env.STORE.getWithMetadata("key")
        return Response.json([found["value"], found["metadata"]])
"""
CONFIG = """
name = "storage"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
kv_namespaces = [{ binding = "STORE", id = "any" }]
[assets]
directory = "public"
binding = "ASSETS"
[paddock.engine]
kind = "off"
"""
STORED = ["value" * 50_000, {"from": "a test"}]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "public").mkdir(parents=True)
    (folder / "public" / "page.html").write_text("page")
    (folder / "handler.py").write_text(HANDLER)
    (folder / "wrangler-like.toml").write_text(CONFIG)
    return folder


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_what_was_stored_is_there_however_the_server_ended(start_dev, project: Path, end: signal.Signals) -> None:
    """DT-046"""
    first = start_dev(project, project / "ready-1")
    with first.client as client:
        assert client.put("/", content=STORED[0]).text == "stored"
        assert [client.get(path).text for path in ("/page", "/asset")] == ["page", "page"]
    first.stop(end)
    second = start_dev(project, project / "ready-2")
    with second.client as client:
        assert client.get("/").json() == STORED
    second.stop()
    assert (project / ".paddock" / "state" / "v1" / "kv" / "any.sqlite").is_file()


def test_state_can_be_put_elsewhere(start_dev, project: Path, tmp_path: Path) -> None:
    """DT-046"""
    server = start_dev(project, project / "ready", "--persist-to", str(tmp_path / "elsewhere"))
    with server.client as client:
        client.put("/", content="x")
        assert client.get("/").json()[0] == "x"
    server.stop()
    assert (tmp_path / "elsewhere" / "v1" / "kv" / "any.sqlite").is_file()
    assert not (project / ".paddock").exists()
