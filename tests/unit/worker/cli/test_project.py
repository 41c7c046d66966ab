"""The commands that look at the catalog: list, schema, check, pull."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG
from paddock.worker.cli import main
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current folder, on a machine without pulled weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "handler.py").touch()
    (tmp_path / "wrangler-like.toml").write_text(CONFIG)
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["ai", "models", "list", "--json", *words]) == ExitCode.OK
    return [item["name"] for item in json.loads(capsys.readouterr().out)]


def test_list_announces_stand_ins(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "models", "list"]) == ExitCode.OK
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("@cf/microsoft/phi-2")]
    assert "STAND-IN" in line


def test_list_works_outside_of_any_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "@cf/microsoft/phi-2" in listed(capsys)


@pytest.mark.parametrize(
    "words",
    [
        ("--search", "PHI-2"),
        ("--author", "microsoft", "--task", "Text Generation"),
        ("--search", "phi", "--task", "Text Generation"),
    ],
)
def test_list_filters(project: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """DT-050."""
    assert listed(capsys, *words) == ["@cf/microsoft/phi-2"]


def test_list_of_what_is_installed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, "--installed") == []
    (project / "weights").symlink_to(SHIPPED_CATALOG / "stand-ins" / "phi")
    with (project / "wrangler-like.toml").open("a") as file:
        file.write('[paddock.models."@cf/microsoft/phi-2"]\nweights = "./weights"\n')
    assert listed(capsys, "--installed") == ["@cf/microsoft/phi-2"]


def test_list_of_adapters_leaves_out_models_that_take_none(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, "--lora", "--author", "mistral") == ["@cf/mistral/mistral-7b-instruct-v0.2-lora"]


def test_list_without_a_match_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "models", "list", "--search", "no such model"]) == ExitCode.OK
    assert capsys.readouterr().out == "No models found.\n"


def test_list_tells_the_origin_of_weights_in_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["ai", "models", "list", "--json", "--search", "phi-2"])
    (item,) = json.loads(capsys.readouterr().out)
    assert {"property_id": "paddock_weights", "value": "stand_in"} in item["properties"]


def test_list_names_a_malformed_file_and_hides_no_other(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "catalog").mkdir()
    (project / "catalog" / "broken.json").write_text("{")
    assert main(["ai", "models", "list"]) == ExitCode.OK
    shown = capsys.readouterr()
    assert "broken.json" in shown.err
    assert "@cf/microsoft/phi-2" in shown.out


def test_schema_prints_json_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """DT-051."""
    assert main(["ai", "models", "schema", "@cf/microsoft/phi-2"]) == ExitCode.OK
    assert set(json.loads(capsys.readouterr().out)) == {"input", "output"}


def test_schema_of_an_unknown_model_suggests_one(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "models", "schema", "@cf/microsoft/phi-3"]) == ExitCode.FAILURE
    assert "@cf/microsoft/phi-2" in capsys.readouterr().err


def test_check_of_a_sound_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == ExitCode.OK
    assert "no errors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[paddock]\nx = 1\n", 'Unexpected fields found in paddock field: "x"'),
        ("[paddock]\nstand_ins = false\n", "@cf/microsoft/phi-2 has no weights on this machine"),
        ('[paddock.models."@cf/microsoft/phi-3"]\n', 'paddock.models."@cf/microsoft/phi-3": No such model'),
    ],
)
def test_check_finds_problems(project: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str) -> None:
    """DT-059: exit code 3."""
    (project / "wrangler-like.toml").write_text(CONFIG + text)
    assert main(["check"]) == ExitCode.CONFIG
    assert problem in capsys.readouterr().err


def test_check_misses_the_handler(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "handler.py").unlink()
    assert main(["check"]) == ExitCode.CONFIG
    assert "handler.py" in capsys.readouterr().err


def test_check_finds_a_malformed_model_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "catalog").mkdir()
    (project / "catalog" / "broken.json").write_text("{")
    assert main(["check"]) == ExitCode.CONFIG
    assert "broken.json" in capsys.readouterr().err


def test_pull_without_a_network_says_what_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "pull", "@cf/microsoft/phi-2"]) == ExitCode.FAILURE
    assert "microsoft/phi-2 cannot be pulled" in capsys.readouterr().err
