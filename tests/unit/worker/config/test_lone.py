"""A handler's file that has no configuration."""

import datetime
from pathlib import Path

import pytest

from paddock.worker.config.loading import Config, Overrides, load_config
from paddock.worker.errors import ConfigError

TODAY = datetime.date(2026, 2, 3)


def load(script: Path, **flags: object) -> Config:
    return load_config(overrides=Overrides(main=script, **flags), today=TODAY)  # type: ignore[arg-type]


def test_a_file_alone_runs_with_what_every_worker_wants(tmp_path: Path) -> None:
    (tmp_path / "My Chat_2.py").touch()
    config = load(tmp_path / "My Chat_2.py")
    assert (config.name, config.ai, config.compatibility_date) == ("my-chat-2", "AI", TODAY)
    assert "python_workers" in config.compatibility_flags
    assert (config.main, config.root) == (tmp_path / "My Chat_2.py", tmp_path)
    assert (config.has_file, config.source, config.warnings) == (False, "My Chat_2.py", ())


def test_a_name_without_letters_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "__.py").touch()
    assert load(tmp_path / "__.py").name == "worker"


def test_flags_and_secrets_hold_for_it_as_well(tmp_path: Path) -> None:
    (tmp_path / "handler.py").touch()
    (tmp_path / ".dev.vars").write_text("TOKEN=abc\n")
    config = load(tmp_path / "handler.py", name="other", compatibility_date="2026-01-01", vars={"A": "b"})
    assert (config.name, str(config.compatibility_date)) == ("other", "2026-01-01")
    assert config.vars == {"TOKEN": "abc", "A": "b"}


def test_the_nearest_configuration_is_looked_for_from_the_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in wrangler: not from the current folder, whose project the file may have nothing to do with."""
    (tmp_path / "here" / "src").mkdir(parents=True)
    (tmp_path / "wrangler-like.toml").write_text('name = "above"\nmain = "x.py"')
    (tmp_path / "here" / "src" / "handler.py").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "wrangler-like.toml").write_text('name = "elsewhere"\nmain = "x.py"')
    monkeypatch.chdir(elsewhere)
    config = load(Path("../here/src/handler.py"))
    assert (config.name, config.root, config.has_file) == ("above", tmp_path, True)


@pytest.mark.parametrize("name", ["nope.py", ""])
def test_a_file_that_is_not_there_is_refused_with_both_ways_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / name)
    text = str(caught.value)
    assert "was not found" in text and "paddock init" in text and str(tmp_path) in text


def test_a_file_that_is_no_python_is_refused_as_in_a_project(tmp_path: Path) -> None:
    (tmp_path / "index.js").touch()
    with pytest.raises(ConfigError, match='Expected "script" to be a Python file'):
        load(tmp_path / "index.js")


def test_a_named_configuration_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "handler.py").touch()
    with pytest.raises(ConfigError, match="Expected a configuration file at"):
        load_config(tmp_path / "none.toml", overrides=Overrides(main=tmp_path / "handler.py"))
