"""`paddock dev` with several workers, as a user starts it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BASE = """
name = "{name}"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[paddock.engine]
kind = "off"
"""
KV = '[[kv_namespaces]]\nbinding = "KV"\nid = "shared"\n'
FRONT = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.method == "POST":
            await self.env.JOBS.send({"text": await request.text()})
            return Response("sent")
        return Response(await self.env.KV.get("done") or "", headers={"x-secret": getattr(self.env, "SECRET", "none")})
"""
BACK = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        await self.env.KV.put("done", controller.cron)

    async def queue(self, batch, env, ctx):
        await self.env.KV.put("done", f"{batch.messages[0].body.text} {self.env.SECRET}")
"""


def project(folder: Path, name: str, handler: str, text: str, secrets: str = "") -> Path:
    """A worker in a folder of its own: the path of its configuration."""
    place = folder / name
    place.mkdir()
    (place / "handler.py").write_text(handler)
    (place / ".dev.vars").write_text(secrets)
    config = place / "wrangler.toml"
    config.write_text(BASE.format(name=name) + text)
    return config


@pytest.fixture
def start(start_dev: Callable[..., object], tmp_path: Path) -> Iterator[Callable[..., object]]:
    """`start(config, ...)`: the session of these workers. It ends with the test, and in order."""
    running = []

    def run(*configs: Path) -> object:
        flags = [word for config in configs for word in ("-c", str(config))]
        running.append(start_dev(tmp_path, tmp_path / "ready", *flags))
        return running[-1]

    yield run
    for server in running:
        assert server.stop() == 130


def test_workers_of_a_session_share_queues_and_state_but_no_secrets(start, tmp_path: Path) -> None:
    """DT-047"""
    producer, consumer = (
        '[[queues.producers]]\nbinding = "JOBS"\nqueue = "jobs"\n',
        '[[queues.consumers]]\nqueue = "jobs"\nmax_batch_timeout = 0\n',
    )
    front = project(tmp_path, "front", FRONT, KV + producer)
    back = project(tmp_path, "back", BACK, KV + consumer, "SECRET=hush\n")
    with start(front, back).client as client:
        assert client.post("/", content="work").text == "sent"
        while not (done := client.get("/")).text:
            pass
        assert (done.text, done.headers["x-secret"]) == ("work hush", "none")
    assert (tmp_path / "front/.paddock/state/v1/kv/shared.sqlite").is_file()


def test_events_by_hand_find_the_worker_that_takes_them(start, tmp_path: Path) -> None:
    """A batch goes to its queue's consumer; other events to the worker that is named, else to the primary one."""
    consumer = '[[queues.consumers]]\nqueue = "jobs"\n'
    front = project(tmp_path, "front", FRONT, KV)
    back = project(tmp_path, "back", BACK, KV + consumer, "SECRET=hush\n")
    batch = {"messages": [{"body": {"text": "by hand"}}]}
    with start(front, back).client as client:
        assert client.post("/cdn-cgi/local/queue?queue=jobs", json=batch).json()["outcome"] == "ok"
        assert client.get("/").text == "by hand hush"
        assert client.get("/cdn-cgi/local/scheduled?cron=*&worker=back").text == "ok"
        assert client.get("/").text == "*"
        refused = client.get("/cdn-cgi/local/scheduled?worker=nobody")
    assert (refused.status_code, refused.text) == (400, 'worker: expected one of front, back; got "nobody"')


def test_files_of_another_worker_go_before_it(start, tmp_path: Path) -> None:
    """Source: Miniflare, where a binding to a worker with assets leads to its router."""
    handler = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if hasattr(self.env, "BACK"):
            return await self.env.BACK.fetch(request)
        return Response("the worker")
"""
    front = project(tmp_path, "front", handler, '[[services]]\nbinding = "BACK"\nservice = "back"\n')
    back = project(tmp_path, "back", handler, '[assets]\ndirectory = "public"\n')
    (tmp_path / "back" / "public").mkdir()
    (tmp_path / "back" / "public" / "page.html").write_text("the file")
    with start(front, back).client as client:
        assert client.get("/page").text == "the file"
        assert client.post("/other", content=b"x" * 200_000).text == "the worker"


def test_a_saved_worker_is_reloaded_alone_and_configurations_are_followed(edit, tmp_path: Path) -> None:
    """DT-028, DT-034, DT-047"""
    handler = """
import os
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("{} " + self.env.WORD)
"""
    back = project(tmp_path, "back", handler.format("old"), '[vars]\nWORD = "one"\n')
    top = "import os"
    answer = "f'{os.getpid()} ' + await (await self.env.BACK.fetch('https://any/')).text()"

    async def run() -> list[list[str]]:
        keys = 'services = [{binding = "BACK", service = "back"}]\n'
        async with edit(answer, top=top, keys=keys, others=(back,)) as edited:
            answers = [await edited.text()]
            (tmp_path / "back" / "handler.py").write_text(handler.format("new"))
            await edited.log.line("⎔ Reloading local server... (handler.py of back changed)")
            answers.append(await edited.text())
            back.write_text(back.read_text().replace("one", "two"))
            await edited.log.line("wrangler.toml changed)")
            answers.append(await edited.text())
            return [text.split() for text in answers]

    first, second, third = asyncio.run(run())
    assert (first[1:], second[1:], third[1:]) == (["old", "one"], ["new", "one"], ["new", "two"])
    assert first[0] == second[0], "the primary worker's process is the same"
