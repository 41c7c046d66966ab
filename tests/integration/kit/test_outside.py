"""`Paddock` without pytest's fixtures."""

import asyncio
from pathlib import Path

import pytest

from paddock.worker.errors import ConfigError, HandlerImportError, IsolateCrashed
from paddock.worker.testing import HandlerError, Paddock, StaleHandle

HELLO = """
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("asked")
        return Response(self.env.NAME)
"""


def children() -> set[str]:
    return set(" ".join(file.read_text() for file in Path("/proc/self/task").glob("*/children")).split())


def test_an_async_context_manager_stops_everything() -> None:
    """DT-094"""
    before = children()

    async def use() -> str:
        async with Paddock(source=HELLO, vars={"NAME": "Ada"}) as worker:
            return (await worker.fetch("/")).text

    assert asyncio.run(use()) == "Ada"
    assert children() == before


def test_a_context_manager_takes_lines_and_ends() -> None:
    lines: list[tuple[str, str]] = []
    with Paddock(source=HELLO, vars={"NAME": "Ada"}, on_log=lambda *line: lines.append(line)) as worker:
        assert worker.client().get("/").text == "Ada"
    assert lines == [("stdout", "asked")]
    with pytest.raises(StaleHandle, match="not running"):
        worker.fetch("/")


def test_a_project_on_disk(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text(HELLO)
    (tmp_path / "wrangler.json").write_text(
        '{"name": "x", "main": "handler.py", "compatibility_date": "2026-09-15",'
        ' "compatibility_flags": ["python_workers"], "vars": {"NAME": "a"}, "env": {"two": {"vars": {"NAME": "b"}}}}'
    )
    with Paddock(tmp_path / "wrangler.json", env="two") as worker:
        assert worker.fetch("/").result().text == "b"


def test_settings_that_are_wrong_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ConfigError, match="kv_namespaces"):
        Paddock(source=HELLO, settings={"kv_namespaces": 1}).open()
    assert list(tmp_path.iterdir()) == []


def test_a_handler_that_cannot_be_imported() -> None:
    with Paddock(source="import nothing_of_this_name") as worker, pytest.raises(HandlerImportError, match="line 1"):
        worker.fetch("/").result()


def test_a_worker_whose_process_dies_has_a_new_one() -> None:
    source = """
import asyncio, os, sys
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/cancelled"):
            raise asyncio.CancelledError("by itself")
        end = {"die": os._exit, "exit": sys.exit}.get(request.url.rpartition("/")[2])
        return end(3) if end else Response("alive")
"""
    with Paddock(source=source) as worker:
        for path in ("/die", "/exit"):
            with pytest.raises(IsolateCrashed, match="exit code 3"):
                worker.fetch(path).result()
        with pytest.raises(HandlerError, match="by itself"):
            worker.fetch("/cancelled").result()
        assert worker.fetch("/").result().text == "alive"
