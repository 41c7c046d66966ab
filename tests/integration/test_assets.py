"""Static assets: before the worker, behind the worker, and through env.ASSETS with the official SDK."""

import asyncio
from pathlib import Path

import pytest

from paddock.bindings.assets.binding import AssetsBinding
from paddock.bindings.assets.settings import AssetsSettings

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


@pytest.fixture
def assets(public: Path):
    return lambda **settings: AssetsBinding(AssetsSettings(directory=str(public), **settings))


def test_the_binding_is_a_fetcher_of_files(serve, assets) -> None:
    """What the SDK's own tests ask of it, and that redirects are followed."""

    async def run():
        async with serve(HANDLER, more={"ASSETS": assets()}) as running:
            return (await running.client.get("/describe")).json()

    assert asyncio.run(run()) == [
        "_FetcherWrapper",
        "hello from static assets",
        42,
        "application/json",
        [200, True, "https://assets.local/", "<h1>root</h1>"],
        [404, ""],
    ]


def test_a_request_that_is_handed_on_is_answered_as_it_would_be_without_the_worker(serve, assets) -> None:
    async def run():
        async with serve(HANDLER, more={"ASSETS": assets()}) as running:
            page = await running.client.get("/")
            known = await running.client.get("/", headers={"if-none-match": page.headers["etag"]})
            moved = await running.client.get("/index.html")
            large = await running.client.get("/large.bin")
            return page, known, moved, large

    page, known, moved, large = asyncio.run(run())
    assert (page.text, page.headers["content-type"]) == ("<h1>root</h1>", "text/html; charset=utf-8")
    assert (known.status_code, known.text) == (304, "")
    assert (moved.status_code, moved.headers["location"]) == (307, "/")
    assert large.content == bytes(range(256)) * 4096


def test_files_are_served_without_the_worker(serve, assets, public: Path) -> None:
    source = "from workers import Response, WorkerEntrypoint\n\nclass Default(WorkerEntrypoint):\n"
    source += "    async def fetch(self, request):\n        return Response('worker')\n"

    async def run():
        async with serve(source, assets=assets()) as running:
            get = running.client.get
            replies = [
                await get("/"),
                await get("/api"),
                await get("/large.bin"),
                await running.client.head("/hello.txt"),
            ]
            (public / "new.txt").write_text("saved just now")
            return [*replies, await get("/new.txt"), await running.client.post("/hello.txt", content=b"x" * 100_000)]

    root, api, large, head, new, posted = asyncio.run(run())
    assert [reply.text for reply in (root, api, new)] == ["<h1>root</h1>", "worker", "saved just now"]
    assert large.content == bytes(range(256)) * 4096
    assert (head.status_code, head.headers["content-length"], head.text) == (200, "24", "")
    assert posted.status_code == 405


def test_a_worker_that_cannot_be_imported_does_not_keep_files_away(serve, assets) -> None:
    async def run():
        async with serve("import nowhere_to_be_found\n", assets=assets()) as running:
            return [(await running.client.get(path)).status_code for path in ("/", "/api")]

    assert asyncio.run(run()) == [200, 500]
