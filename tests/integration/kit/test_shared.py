"""The process of the engines that processes of pytest-xdist share: who starts it, and when it leaves."""

import asyncio
import os
import select
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from paddock.bindings.binding import CallRecord
from paddock.bindings.errors import ContextOverflow, EngineDead, EngineUnavailable, ModelNotFound, PaddockError
from paddock.worker.config.loading import Config, load_config
from paddock.worker.testing.shared.client import SharedModels
from paddock.worker.testing.shared.frames import error_of, told

PHI = "@cf/microsoft/phi-2"
CONFIG = """
name = "x"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[paddock.engine]
kind = "off"
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "wrangler-like.toml").write_text(CONFIG)
    return load_config(tmp_path / "wrangler-like.toml")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a run, of which nothing is left at the end."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield uuid.uuid4().hex
    assert list(folder.iterdir()) == []


def pid_of(models: SharedModels) -> int:
    assert models._started_pid is not None
    return models._started_pid


def test_the_first_starts_it_and_the_last_waits_for_its_end(config: Config, run: str) -> None:
    """DT-092"""

    async def use() -> None:
        first, second = SharedModels(config, run), SharedModels(config, run)
        first.prepare()
        second.prepare()
        assert second._started_pid is None
        pid = os.pidfd_open(pid_of(first))
        async with asyncio.TaskGroup() as tasks:
            for models in (first, second):
                calls: list[CallRecord] = []
                with pytest.raises(EngineUnavailable, match="The engine is switched off") as caught:
                    await (await models.service(tasks)).run(PHI, {"prompt": "x"}, calls)
                assert caught.value.hint == 'Set [paddock.engine] kind = "vllm".'
                assert (calls[0].model, calls[0].outcome, calls[0].task) == (
                    PHI,
                    "engine_unavailable",
                    "Text Generation",
                )
        await first.close()
        assert select.select([pid], [], [], 0)[0] == []
        await second.close()
        assert select.select([pid], [], [], 30)[0] == [pid]
        os.close(pid)

    asyncio.run(use())


def test_nothing_is_made_for_tests_that_need_no_engine(config: Config, run: str) -> None:
    async def use() -> None:
        await SharedModels(config, run).close()

    asyncio.run(use())


def test_it_leaves_with_processes_that_say_no_goodbye(config: Config, run: str) -> None:
    """DT-092"""
    models = SharedModels(config, run)
    models.prepare()
    pid = os.pidfd_open(pid_of(models))
    assert models._sock is not None
    models._sock.close()
    assert select.select([pid], [], [], 30)[0] == [pid]
    os.close(pid)


def test_calls_of_one_that_died_say_so_and_the_next_run_has_another(config: Config, run: str) -> None:
    async def use() -> None:
        first = SharedModels(config, run)
        first.prepare()
        async with asyncio.TaskGroup() as tasks:
            service = await first.service(tasks)
            os.kill(pid_of(first), signal.SIGKILL)
            with pytest.raises(EngineDead, match="The process of the engines has ended"):
                await service.run(PHI, {"prompt": "x"}, [])
        await first.close()
        second = SharedModels(config, run)
        second.prepare()
        assert pid_of(second) != pid_of(first)
        async with asyncio.TaskGroup() as tasks:
            await second.service(tasks)
        await second.close()

    asyncio.run(use())


def test_one_that_does_not_start_tells_why(config: Config, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    models = SharedModels(config, run)
    with pytest.raises(EngineUnavailable, match="The process of the engines has ended"):
        models.prepare()
    for file in models._folder.iterdir():
        file.unlink()
    models._folder.rmdir()


@pytest.mark.parametrize(
    "error",
    [ContextOverflow(5, 4), ModelNotFound("x", hint="y"), EngineUnavailable("x", hint="y", retry_after_s=3.0)],
)
def test_errors_are_the_same_on_the_other_side(error: PaddockError) -> None:
    made = error_of(told(error))
    assert type(made) is type(error)
    assert (str(made), vars(made)) == (str(error), vars(error))
    assert str(error_of(told(KeyError("x")))) == "KeyError: 'x'"
