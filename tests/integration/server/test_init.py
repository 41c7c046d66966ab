"""What `paddock init` makes, as whoever called it sees it: its tests pass, and a type checker reads it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from paddock.worker.cli import main
from paddock.worker.cli.init import TEMPLATES
from paddock.worker.options import ExitCode


@pytest.fixture(params=TEMPLATES)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "my-app", "--template", request.param, "-y"]) == ExitCode.OK
    monkeypatch.chdir(tmp_path / "my-app")
    return tmp_path / "my-app"


def test_its_tests_pass_unchanged(project: Path) -> None:
    """DT-055, DT-001: without vLLM in the process, a GPU, an account or a network."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[1-9]\d* passed in ", done.stdout, re.MULTILINE)


def test_a_type_checker_knows_its_env_and_its_models(project: Path) -> None:
    """The SDK's own declaration of `Response.json` is that of the method of the same name, hence the exception."""
    assert main(["types"]) == ExitCode.OK
    command = [sys.executable, "-m", "mypy", "--check-untyped-defs", "handler.py", "worker_configuration.pyi"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    lines = (project / "handler.py").read_text().splitlines()
    found = [int(number) for number in re.findall(r"^handler\.py:(\d+): error", done.stdout, re.MULTILINE)]
    assert [lines[number - 1] for number in found if "Response.json(" not in lines[number - 1]] == [], done.stdout
    assert "worker_configuration.pyi:" not in done.stdout.replace("note:", ""), done.stdout
