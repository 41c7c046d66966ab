"""`paddock ai usage`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from paddock.bindings.ai.price import TokenPrice
from paddock.bindings.binding import CallRecord
from paddock.worker.cli import main
from paddock.worker.options import ExitCode
from paddock.worker.usage import UsageLedger


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrangler-like.toml").write_text('main = "handler.py"\n')
    return tmp_path


@pytest.fixture
def used(project: Path) -> Path:
    """A project with a call of a model that has a price, and one of a model that has none."""

    async def run() -> None:
        ledger = UsageLedger(project / ".paddock" / "state")
        ledger.add(CallRecord("@cf/a/priced", prompt_tokens=20_000_000, price=TokenPrice(0.011, 0.0)))
        ledger.add(CallRecord("@cf/a/free", prompt_tokens=1))
        ledger.close()
        await ledger.run()

    asyncio.run(run())
    return project


def test_without_calls_it_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "usage"]) == ExitCode.OK
    assert "No calls yet" in capsys.readouterr().out


def test_models_are_summed_with_and_without_free_neurons(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "usage"]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["@cf/a/free", "1", "1", "0", "no", "price", "no", "price"]
    assert lines[2].split() == ["@cf/a/priced", "1", "20000000", "0", "20000.000", "0.220000"]
    assert "20000.000 neurons, $0.220000; $0.110000 after the 10000 free neurons" in lines[3]


def test_json_has_a_row_for_each_day_and_model(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "usage", "--json"]) == ExitCode.OK
    rows = json.loads(capsys.readouterr().out)
    assert [(row["model"], row["neurons"]) for row in rows] == [("@cf/a/free", None), ("@cf/a/priced", 20000.0)]
