"""`paddock ai finetune`."""

import json
import shutil
from pathlib import Path

import pytest

from paddock.bindings.ai.catalog import SHIPPED_CATALOG
from paddock.bindings.ai.finetunes.store import FinetuneStore
from paddock.bindings.state import StateFolder
from paddock.worker.cli import main
from paddock.worker.options import ExitCode

MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The adapter that ships, in a folder of an empty project, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrangler-like.toml").write_text('main = "handler.py"\n')
    folder = tmp_path / "adapter"
    folder.mkdir()
    for name in (CONFIG, WEIGHTS):
        shutil.copyfile(SHIPPED_CATALOG / "stand-ins" / "ranch-hand" / name, folder / name)
    return folder


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["ai", "finetune", "list", "--json"]) == ExitCode.OK
    rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return rows


def test_a_finetune_is_created_and_listed(adapter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "finetune", "create", MISTRAL, "mine", str(adapter)]) == ExitCode.OK
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f'🌀 Creating new finetune "mine" for model "{MISTRAL}"...'
    assert said[1:3] == [f'🌀 Uploading file "{adapter / name}" to "mine"...' for name in (CONFIG, WEIGHTS)]
    assert said[3] == '✅ Assets uploaded, finetune "mine" is ready to use.'
    assert [(row["name"], row["model"]) for row in listed(capsys)] == [("mine", MISTRAL)]
    main(["ai", "finetune", "list"])
    assert "mine" in capsys.readouterr().out


def test_no_finetunes(adapter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "finetune", "list"]) == ExitCode.OK
    assert capsys.readouterr().out == "No finetune assets found.\n"


@pytest.mark.parametrize("missing", [CONFIG, WEIGHTS])
def test_both_files_are_named_when_one_is_missing(
    adapter: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    """DT-052"""
    (adapter / missing).unlink()
    assert main(["ai", "finetune", "create", MISTRAL, "mine", str(adapter)]) == ExitCode.FAILURE
    said = capsys.readouterr().err
    assert CONFIG in said
    assert WEIGHTS in said
    assert listed(capsys) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"r": 64}, "rank of 1 to 32"),
        ({"model_type": "gemma"}, "expected the base model's, mistral"),
        ({"padding": "x" * 1_000_000}, "may have 1000000 bytes"),
    ],
)
def test_what_does_not_fit_names_the_limit(
    adapter: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], said: str
) -> None:
    """DT-053"""
    config = json.loads((adapter / CONFIG).read_text())
    (adapter / CONFIG).write_text(json.dumps(config | changes))
    assert main(["ai", "finetune", "create", MISTRAL, "mine", str(adapter)]) == ExitCode.FAILURE
    assert said in capsys.readouterr().err
    assert listed(capsys) == []  # so that the name is still free


def test_adapters_stand_below_their_model(
    adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    declared = f'[paddock.models."{MISTRAL}"]\nlora = {{ mine = "adapter", empty = "cache" }}\n'
    (tmp_path / "wrangler-like.toml").write_text('main = "handler.py"\n' + declared)
    assert main(["ai", "finetune", "create", MISTRAL, "uploaded", str(adapter)]) == ExitCode.OK
    state = FinetuneStore(StateFolder(tmp_path / ".paddock" / "state"))
    begun = state.add(MISTRAL, "begun", "to be filled", public=True)
    (uploaded,) = [row for row in state.all() if row.name == "uploaded"]
    rank = json.loads((adapter / CONFIG).read_text())["r"]
    capsys.readouterr()
    assert main(["ai", "models", "list"]) == ExitCode.OK
    base, *rows = _block(capsys.readouterr().out)
    assert base.startswith(MISTRAL)
    assert {" ".join(row.split()) for row in rows} == {
        f"lora ranch-hand rank {rank} shipped",
        f"lora mine rank {rank} configured",
        "lora empty configured",
        f"lora uploaded rank {rank} uploaded {uploaded.id}",
        f"lora begun incomplete, public {begun.id}",
    }
    assert main(["ai", "models", "list", "--json", "--search", MISTRAL]) == ExitCode.OK
    (item,) = json.loads(capsys.readouterr().out)
    values = {each["property_id"]: each["value"] for each in item["properties"]}
    told = {each["name"]: each for each in values["paddock_finetunes"]}
    assert told["uploaded"] == {
        "name": "uploaded",
        "origin": "uploaded",
        "rank": rank,
        "id": uploaded.id,
        "public": False,
        "description": "",
    }


def _block(table: str) -> list[str]:
    """The row of the model that takes adapters here, and those below it."""
    lines = table.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(MISTRAL))
    end = next((at for at in range(start + 1, len(lines)) if not lines[at].startswith("  ")), len(lines))
    return lines[start:end]
