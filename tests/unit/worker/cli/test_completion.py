"""`paddock completion`: the scripts that shtab makes of our parsers."""

from __future__ import annotations

import pytest

from paddock.worker.cli import COMMANDS, main
from paddock.worker.cli.completion import parser_of_all
from paddock.worker.options import ExitCode


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_below_the_one_parser(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser_of_all().parse_args([*name.split(), "--help"])
    assert f"usage: paddock {name} " in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_know_groups_commands_and_flags(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == ExitCode.OK
    script = capsys.readouterr().out
    assert all(word in script for word in ("models", "schema", "unpin", "hide-experimental"))
    assert "minify" not in script, "what is refused is not offered"
