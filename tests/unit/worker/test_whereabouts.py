"""Where dev servers listen: what they leave in the state folder, and who reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from paddock.worker import whereabouts
from paddock.worker.cli import main
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def gone() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a project, which is the working directory. Nothing listens on its port."""
    (tmp_path / "wrangler-like.toml").write_text('main = "handler.py"\n[dev]\nport = 9\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".paddock" / "state"


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
    whereabouts.leave(tmp_path, "https", ip, 8788)
    assert [(one.pid, one.url) for one in whereabouts.running(tmp_path)] == [(os.getpid(), url)]
    whereabouts.remove(tmp_path)
    assert whereabouts.running(tmp_path) == []
    whereabouts.remove(tmp_path)


def test_the_newest_server_comes_first(tmp_path: Path) -> None:
    parent = os.getppid()
    put(tmp_path, f"{parent}.json", f'{{"pid": {parent}, "url": "http://127.0.0.1:1", "started": 5}}')
    whereabouts.leave(tmp_path, "http", "127.0.0.1", 2)
    assert [one.url[-1] for one in whereabouts.running(tmp_path)] == ["2", "1"]


@pytest.mark.parametrize("text", ["", "{}", '{"pid": 0, "url": "x", "started": 1}', '{"pid": 1e99}', "[" * 5000, "\0"])
def test_a_file_that_says_nothing_is_taken_away(tmp_path: Path, text: str) -> None:
    file = put(tmp_path, "1.json", text)
    assert whereabouts.running(tmp_path) == []
    assert not file.exists()


def test_the_file_of_a_server_that_was_killed_is_taken_away(tmp_path: Path, gone: int) -> None:
    file = put(tmp_path, f"{gone}.json", f'{{"pid": {gone}, "url": "http://127.0.0.1:1", "started": 1}}')
    assert whereabouts.running(tmp_path) == []
    assert not file.exists()


def test_a_folder_that_is_in_the_way_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, f"{os.getpid()}.json", "").unlink()
    (tmp_path / "v1" / whereabouts.FOLDER / f"{os.getpid()}.half").mkdir()
    whereabouts.leave(tmp_path, "http", "127.0.0.1", 8788)
    assert "Other commands find this server by --port 8788 alone." in caplog.text


def test_without_a_server_commands_ask_the_port_of_the_configuration(
    project: Path, gone: int, capsys: pytest.CaptureFixture[str]
) -> None:
    put(project, f"{gone}.json", f'{{"pid": {gone}, "url": "http://127.0.0.1:1", "started": 1}}')
    assert main(["ai", "ps"]) == ExitCode.FAILURE
    assert "No dev server answers at http://127.0.0.1:9. Start one" in capsys.readouterr().err


def test_a_server_that_is_said_to_run_and_does_not_answer_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whereabouts.leave(project, "http", "127.0.0.1", 10)
    assert main(["ai", "ps"]) == ExitCode.FAILURE
    said = capsys.readouterr().err
    assert "No dev server answers at http://127.0.0.1:10. Its process lives, by " in said
    assert f"servers/{os.getpid()}.json: remove that file if it is another's" in said


def test_within_exec_its_server_is_asked(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whereabouts.leave(project, "http", "127.0.0.1", 10)
    monkeypatch.setenv("PADDOCK_URL", "http://127.0.0.1:11")
    assert main(["ai", "ps"]) == ExitCode.FAILURE
    assert "answers at http://127.0.0.1:11" in capsys.readouterr().err


def test_state_is_not_reset_under_a_server(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whereabouts.leave(project, "http", "127.0.0.1", 10)
    (project / "v1" / "usage.sqlite").touch()
    assert main(["state", "reset", "--yes"]) == ExitCode.FAILURE
    assert f"http://127.0.0.1:10 writes there (process {os.getpid()}). Stop it first." in capsys.readouterr().err
    assert (project / "v1" / "usage.sqlite").exists()
