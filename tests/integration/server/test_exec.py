"""`paddock exec`: a real server around a real command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from paddock.worker.cli.execute import environment_of

CONFIG = (
    'main = "handler.py"\ncompatibility_date = "2026-09-15"\ncompatibility_flags = ["python_workers"]\n'
    '[paddock.engine]\nkind = "off"\n'
)
HANDLER = """
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("from the handler")
"""
ASK = (
    "import os, sys, urllib.request;"
    "print(urllib.request.urlopen(os.environ['PADDOCK_URL']).read().decode(), os.environ['CLOUDFLARE_BASE_URL']);"
    "sys.exit(7)"
)


def execute(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paddock.worker.cli", "exec", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "wrangler-like.toml").write_text(CONFIG)
    (tmp_path / "handler.py").write_text(HANDLER)
    return tmp_path


def test_the_command_meets_the_server_and_its_code_is_returned(project: Path) -> None:
    """DT-049."""
    done = execute(project, "--", sys.executable, "-c", ASK)
    assert done.returncode == 7, done.stderr
    said, api = done.stdout.rsplit(" ", 1)
    assert said == "from the handler"
    assert api.startswith("http://127.0.0.1:")
    assert api.strip().endswith("/client/v4")


def test_a_server_that_does_not_start_runs_nothing(project: Path) -> None:
    (project / "wrangler-like.toml").write_text('ai = "AI"\n')
    done = execute(project, "--", sys.executable, "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (3, "")
    assert 'The field "ai" should be an object' in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [(["not-a-command"], 127), ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 137)],
)
def test_codes_are_those_of_shells(project: Path, words: list[str], code: int) -> None:
    assert execute(project, "--", *words).returncode == code


def test_credentials_that_are_there_stay_unless_the_project_has_a_token() -> None:
    given = {"CLOUDFLARE_ACCOUNT_ID": "mine", "OPENAI_API_KEY": "sk"}
    found = environment_of("http://x:1", None, given)
    assert json.loads(json.dumps(found)) == {
        "PADDOCK_URL": "http://x:1",
        "CLOUDFLARE_BASE_URL": "http://x:1/client/v4",
        "CLOUDFLARE_API_BASE_URL": "http://x:1/client/v4",
        "CLOUDFLARE_ACCOUNT_ID": "mine",
        "CLOUDFLARE_API_TOKEN": "local",
        "OPENAI_BASE_URL": "http://x:1/client/v4/accounts/mine/ai/v1",
        "OPENAI_API_KEY": "sk",
    }
    assert environment_of("http://x:1", "token", given)["OPENAI_API_KEY"] == "token"


def test_commands_beside_it_find_its_server(project: Path) -> None:
    """A server that was given any free port, asked from outside; and when it has ended, no trace of it is left."""
    ask = "unset PADDOCK_URL; ls .paddock/state/v1/servers | wc -l; $PYTHON -m paddock.worker.cli ai ps".replace(
        "$PYTHON", sys.executable
    )
    done = execute(project, "--", "sh", "-c", ask)
    assert (done.returncode, done.stdout.split("\n", 1)) == (0, ["1", "No model has been asked for yet.\n"]), (
        done.stderr
    )
    assert list((project / ".paddock" / "state" / "v1" / "servers").iterdir()) == []
