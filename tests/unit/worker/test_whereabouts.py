"""Where dev servers listen: what they leave in the state folder, and who reads it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from paddock.worker import whereabouts
from paddock.worker.cli import main
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a project, which is the working directory. Nothing listens on its port."""
    (tmp_path / "wrangler-like.toml").write_text('main = "handler.py"\n[dev]\nport = 9\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".paddock" / "state"


@pytest.fixture
def serve(project: Path) -> Iterator[Callable[[], None]]:
    """Has a server of the project leave its address; it ends with the test."""
    signs: list[whereabouts.Sign | None] = []
    yield lambda: signs.append(whereabouts.leave(project, "http", "127.0.0.1", 10))
    for sign in signs:
        assert sign is not None
        sign.remove()


def put(state: Path, name: str, text: str) -> Path:
    file = state / "v1" / whereabouts.FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("ip", "url"),
    [
        ("127.0.0.1", "https://127.0.0.1:8788"),
        ("0.0.0.0", "https://127.0.0.1:8788"),
        ("::", "https://[::1]:8788"),
        ("192.0.2.7", "https://192.0.2.7:8788"),
    ],
)
def test_a_server_leaves_an_address_that_this_machine_reaches_and_takes_it_away(
    tmp_path: Path, ip: str, url: str
) -> None:
    sign = whereabouts.leave(tmp_path, "https", ip, 8788)
    assert sign is not None
    assert [(one.pid, one.url) for one in whereabouts.running(tmp_path)] == [(os.getpid(), url)]
    sign.remove()
    assert whereabouts.running(tmp_path) == []
    sign.remove()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Callable[[str, str], Path]]:
    """A file of a server that runs."""
    with contextlib.ExitStack() as files:

        def hold(name: str, text: str) -> Path:
            file = put(tmp_path, name, text)
            fcntl.flock(files.enter_context(file.open()), fcntl.LOCK_EX)
            return file

        yield hold


def test_the_newest_server_comes_first(tmp_path: Path, held: Callable[[str, str], Path]) -> None:
    held("1.json", '{"pid": 1, "url": "http://127.0.0.1:1", "started": 5}')
    mine = whereabouts.leave(tmp_path, "http", "127.0.0.1", 2)
    assert mine is not None
    assert [one.url[-1] for one in whereabouts.running(tmp_path)] == ["2", "1"]
    mine.remove()


@pytest.mark.parametrize("text", ["", "{}", '{"pid": 0, "url": "x", "started": 1}', '{"pid": 1e99}', "[" * 5000, "\0"])
def test_a_file_that_says_nothing_is_taken_away(tmp_path: Path, held: Callable[[str, str], Path], text: str) -> None:
    file = held("1.json", text)
    assert whereabouts.running(tmp_path) == []
    assert not file.exists()


def test_the_file_of_a_server_that_was_killed_is_taken_away(tmp_path: Path) -> None:
    """Also where another process has its number by now: this one."""
    pid, code = os.getpid(), "import os, sys; os.kill(os.getpid(), 9)"
    file = put(tmp_path, f"{pid}.json", f'{{"pid": {pid}, "url": "http://127.0.0.1:1", "started": 1}}')
    subprocess.run([sys.executable, "-c", f"import fcntl; fcntl.flock(open({str(file)!r}), fcntl.LOCK_EX); {code}"])
    assert whereabouts.running(tmp_path) == []
    assert not file.exists()


def test_a_folder_that_is_in_the_way_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, f"{os.getpid()}.json", "").unlink()
    (tmp_path / "v1" / whereabouts.FOLDER / f"{os.getpid()}.half").mkdir()
    whereabouts.leave(tmp_path, "http", "127.0.0.1", 8788)
    assert "Other commands find this server by --port 8788 alone." in caplog.text


def test_without_a_server_commands_ask_the_port_of_the_configuration(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(project, "1.json", '{"pid": 1, "url": "http://127.0.0.1:1", "started": 1}')
    assert main(["ai", "ps"]) == ExitCode.FAILURE
    assert "No dev server answers at http://127.0.0.1:9. Start one" in capsys.readouterr().err


def test_a_server_that_is_said_to_run_and_does_not_answer_is_named(
    project: Path, serve: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    serve()
    assert main(["ai", "ps"]) == ExitCode.FAILURE
    said = capsys.readouterr().err
    assert "No dev server answers at http://127.0.0.1:10. Its process lives, by " in said
    assert f"servers/{os.getpid()}.json: it begins or ends. Try again, or" in said


def test_within_exec_its_server_is_asked(
    serve: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve()
    monkeypatch.setenv("PADDOCK_URL", "http://127.0.0.1:11")
    assert main(["ai", "ps"]) == ExitCode.FAILURE
    assert "answers at http://127.0.0.1:11" in capsys.readouterr().err


def test_state_is_not_reset_under_a_server(
    project: Path, serve: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    serve()
    (project / "v1" / "usage.sqlite").touch()
    assert main(["state", "reset", "--yes"]) == ExitCode.FAILURE
    assert f"http://127.0.0.1:10 writes there (process {os.getpid()}). Stop it first." in capsys.readouterr().err
    assert (project / "v1" / "usage.sqlite").exists()


def test_the_server_of_a_handler_alone_is_found_too(
    project: Path, serve: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (project.parents[1] / "wrangler-like.toml").unlink()
    for command in (["state"], ["ai", "usage"], ["ai", "finetune", "list"]):
        assert main(command) == ExitCode.CONFIG
    assert main(["ai", "ps"]) == ExitCode.FAILURE
    assert "answers at http://127.0.0.1:8787. Start one" in capsys.readouterr().err
    serve()
    assert main(["ai", "ps"]) == ExitCode.FAILURE
    assert "answers at http://127.0.0.1:10. Its process lives" in capsys.readouterr().err
    assert main(["state", "reset", "--yes"]) == ExitCode.FAILURE
    assert "http://127.0.0.1:10 writes there" in capsys.readouterr().err
    for command in (["state"], ["ai", "usage"], ["ai", "finetune", "list"]):
        assert main(command) == ExitCode.OK
