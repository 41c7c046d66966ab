"""A project with a configuration to load, for the tests of configuration."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from paddock.worker.config.loading import Config, Overrides, load_config
from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
name = "demo"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
"""


class Project:
    """`load` and `problems` take the text after `base` and the environment; other words go to the command line."""

    base = BASE
    today = datetime.date(2026, 11, 20)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, text: str = "", env: str | None = None, *, base: str = BASE, **overrides: object) -> Config:
        (self._folder / "wrangler-like.toml").write_text(base + text)
        given = Overrides(**overrides)  # type: ignore[arg-type] # the words of a test, checked by what it asserts
        return load_config(None, env, given, start=self._folder, today=self.today)

    def problems(self, text: str = "", env: str | None = None, *, base: str = BASE) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.load(text, env, base=base)
        return list(caught.value.problems)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in `tmp_path` whose handler exists."""
    (tmp_path / "handler.py").touch()
    return Project(tmp_path)
