"""What `paddock types` writes, as mypy reads it, and pyright where it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG
from paddock.worker.cli import main
from paddock.worker.options import ExitCode

CONFIG = """
name = "x"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
kv_namespaces = [{binding = "CACHE"}]
ai = {binding = "AI"}
vars = {GREETING = "hello", LIMIT = 3}

[paddock.models."@cf/mistral/mistral-7b-instruct-v0.2-lora"]
lora = {mine = "adapters/mine"}
"""
HANDLER = """
from typing import TYPE_CHECKING

from workers import Response, WorkerEntrypoint

if TYPE_CHECKING:
    from worker_configuration import Mistral7bInstructV02LoraPromptInputs


class Default(WorkerEntrypoint):
    async def fetch(self, request: object) -> Response:
        answer = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": self.env.GREETING})
        stream = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x", "stream": True})
        chat = await self.env.AI.run("@cf/qwen/qwen3-30b-a3b-fp8", {"messages": [{"role": "user", "content": "x"}]})
        raw = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x"}, {"returnRawResponse": True})
        own: "Mistral7bInstructV02LoraPromptInputs" = {"prompt": "x", "lora": "mine"}
        tuned = await self.env.AI.run("@cf/mistral/mistral-7b-instruct-v0.2-lora", {"prompt": "x", "lora": "uploaded"})
        reveal_type(own["lora"])
        reveal_type(tuned.response)
        reveal_type(answer.response)
        reveal_type(answer["response"])
        reveal_type(stream)
        reveal_type(chat.choices[0].message.content)
        reveal_type(raw)
        reveal_type(self.env.LIMIT)
        reveal_type(await self.env.CACHE.get("key"))
        return Response("x")
"""
REVEALED = [
    "str",
    "str",
    "str",
    "str",
    "worker_configuration.ReadableStream",
    "str",
    "workers.response.Response",
    "int",
    "str | None",
]
WRONG = [
    'await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x", "max_tokns": 1})',
    'await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": 1})',
    'await self.env.AI.run("@cf/microsoft/phi-2", {"stream": True})',
    'await self.env.AI.run("@cf/microsoft/phi", {"prompt": "x"})',
    '(await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "x"})).respons',
    'await self.env.CACHE.gett("x")',
    "self.env.MISSING",
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "wrangler-like.toml").write_text(CONFIG)
    (tmp_path / "handler.py").touch()
    shutil.copytree(SHIPPED_CATALOG / "stand-ins" / "ranch-hand", tmp_path / "adapters" / "mine")
    monkeypatch.chdir(tmp_path)
    assert main(["types"]) == ExitCode.OK
    return tmp_path


def mypy(folder: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--strict", "handler.py", "worker_configuration.pyi"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_type_checker_knows_env_and_every_model(project: Path) -> None:
    """DT-054."""
    (project / "handler.py").write_text(HANDLER)
    said = mypy(project)
    assert re.findall(r'Revealed type is "(.*)"', said) == REVEALED
    assert said.endswith("Success: no issues found in 2 source files\n"), said


def test_editors_can_offer_the_adapters_of_the_configuration(project: Path) -> None:
    """Any other name stays allowed, as the handler above shows: more may be uploaded while it runs."""
    stubs = (project / "worker_configuration.pyi").read_text()
    assert stubs.count('"lora": Literal["mine"] | str,') == 1
    assert stubs.count('"lora": str,') > 2


def test_a_type_checker_catches_what_is_wrong(project: Path) -> None:
    """DT-054."""
    lines = "".join(f"        {wrong}\n" for wrong in WRONG)
    (project / "handler.py").write_text(HANDLER.split("        answer")[0] + lines + '        return Response("x")\n')
    first = HANDLER.split("        answer")[0].count("\n") + 1
    found = {int(line) for line in re.findall(r"handler\.py:(\d+): error", mypy(project))}
    assert found == set(range(first, first + len(WRONG)))


def test_check_tells_stale_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """DT-054."""
    assert main(["types", "--check"]) == ExitCode.OK
    (project / "wrangler-like.toml").write_text(CONFIG.replace("LIMIT", "MOST"))
    assert main(["types", "--check"]) == ExitCode.FAILURE
    assert f"Types at {project / 'worker_configuration.pyi'} are out of date." in capsys.readouterr().err
    assert main(["types"]) == main(["types", "--check"]) == ExitCode.OK


def test_the_class_may_have_another_name(project: Path) -> None:
    assert main(["types", "--env-interface", "Bindings", "out"]) == ExitCode.OK
    assert "class Bindings:" in (project / "out" / "worker_configuration.pyi").read_text()
    assert "import Bindings as Env" in (project / "out" / "js.pyi").read_text()
    assert main(["types", "--env-interface", "a b"]) == ExitCode.USAGE


@pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed (npm install -g pyright)")
def test_pyright_says_the_same(project: Path) -> None:
    """DT-054."""
    lines = "".join(f"        {wrong}\n" for wrong in WRONG)
    (project / "handler.py").write_text(HANDLER.replace("        return", f"{lines}        return"))
    settings = {"reportUnusedExpression": False, "pythonVersion": "3.11"}
    (project / "pyrightconfig.json").write_text(json.dumps(settings))
    command = ["pyright", "--pythonpath", sys.executable, "--outputjson", "handler.py", "worker_configuration.pyi"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    wrong = {item["range"]["start"]["line"] for item in found if item["severity"] == "error"}
    first = HANDLER.split("        return")[0].count("\n")
    assert wrong == set(range(first, first + len(WRONG)))
    assert all(item["file"].endswith("handler.py") for item in found)
    revealed = [item["message"] for item in found if item["severity"] == "information"]
    assert [re.findall(r'is "(.*)"', text)[-1] for text in revealed][:2] == ["str", "str"]
