"""`paddock check --json`: for editors and CI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from paddock.worker.cli import main
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

BASE = 'main = "handler.py"\ncompatibility_date = "2026-09-15"\ncompatibility_flags = ["python_workers"]\n'


@pytest.mark.parametrize(
    ("text", "handler", "code", "found"),
    [
        ("", True, ExitCode.OK, []),
        ("vas = 1\n", True, ExitCode.OK, [("warning", "Unexpected fields found", 4)]),
        ("vas = 1\nai = 1\n", True, ExitCode.CONFIG, [("error", "The field", 5), ("warning", "Unexpected", 4)]),
        ("vars = = 1\n", True, ExitCode.CONFIG, [("error", "/", 4)]),
        ("", False, ExitCode.CONFIG, [("error", '"main" names', None), ("warning", "The entry-point file", 1)]),
    ],
)
def test_every_finding_is_an_object_with_its_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    handler: bool,
    code: int,
    found: list[tuple[str, str, int | None]],
) -> None:
    (tmp_path / "wrangler-like.toml").write_text(BASE + text)
    if handler:
        (tmp_path / "handler.py").touch()
    assert main(["check", "--json", "-c", str(tmp_path / "wrangler-like.toml")]) == code
    items = json.loads(capsys.readouterr().out)
    assert [(item["level"], item["line"]) for item in items] == [(level, line) for level, _, line in found]
    assert all(item["text"].startswith(start) for item, (_, start, _) in zip(items, found, strict=True))
