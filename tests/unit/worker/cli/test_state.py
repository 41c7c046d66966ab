"""`paddock state` and `paddock state reset`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.state import StateFolder
from paddock.worker.cli import main
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a project, with a namespace, a ledger and its journal."""
    (tmp_path / "wrangler-like.toml").touch()
    monkeypatch.chdir(tmp_path)
    state = StateFolder(tmp_path / ".paddock" / "state")
    for place in (("kv", "a.sqlite"), ("usage.sqlite",), ("usage.sqlite-journal",)):
        state.file(*place).write_bytes(b"x" * 1500)
    return state.path


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_state_shows_where_and_what(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["state"]) == ExitCode.OK
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        [str(kept)],
        ["kv", "1.5", "kB"],
        ["usage", "3.0", "kB"],
    ]


def test_reset_removes_everything_or_what_is_named(kept: Path) -> None:
    assert main(["state", "reset", "--only", "usage", "-y"]) == ExitCode.OK
    assert names(kept) == {".gitignore", "kv"}
    assert main(["state", "reset", "--yes"]) == ExitCode.OK
    assert names(kept) == {".gitignore"}
    assert main(["state", "reset", "--yes"]) == ExitCode.OK


@pytest.mark.parametrize(("answer", "is_gone"), [("y", True), ("n", False), ("", False)])
def test_reset_asks_at_a_terminal(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, is_gone: bool
) -> None:
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    assert main(["state", "reset"]) == (ExitCode.OK if is_gone else ExitCode.FAILURE)
    assert "Remove kv, usage from" in capsys.readouterr().out
    assert ("kv" not in names(kept)) is is_gone


@pytest.mark.parametrize(
    ("words", "text"), [((), "say --yes"), (("--yes", "--only", "../.."), "there is no ../..; there is kv, usage")]
)
def test_reset_refuses_what_it_cannot_know(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["state", "reset", *words]) == ExitCode.USAGE
    assert text in capsys.readouterr().err
    assert "kv" in names(kept)


def test_reset_follows_no_links(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (kept / "link").symlink_to(tmp_path / "elsewhere")
    assert main(["state", "reset", "--yes"]) == ExitCode.OK
    assert names(kept) == {".gitignore"}
    assert (tmp_path / "elsewhere" / "file").is_file()
