"""Static assets: before the worker, behind the worker, and through env.ASSETS with the official SDK."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from paddock.worker.testing import Paddock

HANDLER = """
from js import fetch as js_fetch
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = request.url.partition("://")[2].partition("/")[2]
        if path == "describe":
            hello = await self.env.ASSETS.fetch("https://assets.local/hello.txt")
            data = await self.env.ASSETS.fetch("https://assets.local/data.json")
            page = await self.env.ASSETS.fetch("https://assets.local/index.html")
            missing = await self.env.ASSETS.fetch("https://assets.local/nonexistent.txt")
            return Response.json([
                type(self.env.ASSETS).__name__, await hello.text(), (await data.json())["number"],
                data.headers.get("content-type"), [page.status, page.redirected, page.url, await page.text()],
                [missing.status, await missing.text()],
            ])
        if path.startswith("raw"):
            return await self.env.ASSETS.fetch(request.js_object)
        return await self.env.ASSETS.fetch(request)
"""


@pytest.fixture
def public(tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / "hello.txt").write_text("hello from static assets")
    (folder / "data.json").write_text('{"key": "value", "number": 42}')
    (folder / "index.html").write_text("<h1>root</h1>")
    (folder / "large.bin").write_bytes(bytes(range(256)) * 4096)
    return folder


def project(folder: Path, handler: str, **assets: object) -> Paddock:
    """A worker with those files."""
    (folder / "handler.py").write_text(handler)
    config = {
        "name": "files",
        "main": "handler.py",
        "compatibility_date": "2026-09-15",
        "compatibility_flags": ["python_workers"],
        "assets": {"directory": "public", **assets},
    }
    (folder / "wrangler.json").write_text(json.dumps(config))
    return Paddock(folder / "wrangler.json")


@pytest.fixture
def behind(tmp_path: Path, public: Path) -> Iterator[httpx.Client]:
    """A client of the worker that every request comes to first."""
    with project(tmp_path, HANDLER, binding="ASSETS", run_worker_first=True) as worker, worker.client() as client:
        yield client


def test_the_binding_is_a_fetcher_of_files(behind: httpx.Client) -> None:
    """What the SDK's own tests ask of it, and that redirects are followed."""
    assert behind.get("/describe").json() == [
        "_FetcherWrapper",
        "hello from static assets",
        42,
        "application/json",
        [200, True, "https://assets.local/", "<h1>root</h1>"],
        [404, ""],
    ]


def test_a_request_that_is_handed_on_is_answered_as_it_would_be_without_the_worker(behind: httpx.Client) -> None:
    page, moved, large = (behind.get(path) for path in ("/", "/index.html", "/large.bin"))
    known = behind.get("/", headers={"if-none-match": page.headers["etag"]})
    assert (page.text, page.headers["content-type"]) == ("<h1>root</h1>", "text/html; charset=utf-8")
    assert (known.status_code, known.text) == (304, "")
    assert (moved.status_code, moved.headers["location"]) == (307, "/")
    assert large.content == bytes(range(256)) * 4096


def test_files_are_served_without_the_worker(tmp_path: Path, public: Path) -> None:
    source = "from workers import Response, WorkerEntrypoint\n\nclass Default(WorkerEntrypoint):\n"
    source += "    async def fetch(self, request):\n        return Response('worker')\n"
    with project(tmp_path, source) as worker, worker.client() as client:
        root, api, large = (client.get(path) for path in ("/", "/api", "/large.bin"))
        head = client.head("/hello.txt")
        (public / "new.txt").write_text("saved just now")
        new, posted = client.get("/new.txt"), client.post("/hello.txt", content=b"x" * 100_000)
    assert [reply.text for reply in (root, api, new)] == ["<h1>root</h1>", "worker", "saved just now"]
    assert large.content == bytes(range(256)) * 4096
    assert (head.status_code, head.headers["content-length"], head.text) == (200, "24", "")
    assert posted.status_code == 405


def test_a_worker_that_cannot_be_imported_does_not_keep_files_away(tmp_path: Path, public: Path) -> None:
    with project(tmp_path, "import nowhere_to_be_found\n") as worker, worker.client() as client:
        assert client.get("/").status_code == 200
        with pytest.raises(Exception, match="nowhere_to_be_found"):
            client.get("/api")
