"""`paddock init`: names, folders, and what is in them; what the projects do: tests/integration/server/test_init.py."""

from __future__ import annotations

import io
import tomllib
from typing import TYPE_CHECKING

import pytest

from paddock.worker.cli import main
from paddock.worker.cli.init import TEMPLATES
from paddock.worker.config.loading import load_config
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_a_whole_project(folder: Path, template: str) -> None:
    """DT-055."""
    assert main(["init", "my-app", "--template", template, "-y"]) == ExitCode.OK
    project = folder / "my-app"
    made = {str(file.relative_to(project)) for file in project.rglob("*") if file.is_file()}
    assert {".gitignore", "README.md", "handler.py", "pyproject.toml", "tests/test_handler.py"} <= made
    config = load_config(project / "wrangler-like.toml")
    assert (config.name, config.ai) == ("my-app", "AI")
    assert config.warnings == ()
    assert tomllib.loads((project / "pyproject.toml").read_text())["project"]["name"] == "my-app"
    assert "{{" not in "".join((project / name).read_text() for name in made if not name.endswith(".html"))


def test_without_a_name_the_template_gives_it(folder: Path) -> None:
    assert main(["init", "-y"]) == ExitCode.OK
    assert (folder / "hello-ai" / "handler.py").is_file()


def test_a_person_at_a_terminal_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO("lora\nmy-lora\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    assert main(["init"]) == ExitCode.OK
    assert "ranch-hand" in (folder / "my-lora" / "wrangler-like.toml").read_text()


@pytest.mark.parametrize("name", ["My-App", "a b", "../up", "-a", "a-", ".", "a" * 64, "a/b"])
def test_a_name_is_a_workers_and_a_packages(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    code = main(["init", "-y", "--", name])
    assert (code, list(folder.iterdir())) == (ExitCode.USAGE, [])
    assert "expected lowercase letters" in capsys.readouterr().err


def test_nothing_is_ever_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty").mkdir()
    assert main(["init", "empty", "-y"]) == ExitCode.OK
    (folder / "used").mkdir()
    (folder / "used" / "mine.txt").write_text("mine")
    (folder / "file").write_text("mine")
    (folder / "link").symlink_to(folder / "nowhere")
    for name in ("empty", "used", "file", "link"):
        assert main(["init", name, "-y"]) == ExitCode.USAGE
        assert "not empty. Nothing was written." in capsys.readouterr().err
    assert [file.name for file in (folder / "used").iterdir()] == ["mine.txt"]


def test_an_unknown_template_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "x", "--template", "rag", "-y"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert all(name in said for name in TEMPLATES)
