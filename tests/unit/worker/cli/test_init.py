"""The command table: dispatch, help, exit codes."""

from __future__ import annotations

import importlib
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.errors import PaddockError
from paddock.worker.cli import COMMANDS, Command, main
from paddock.worker.cli.arguments import Parser
from paddock.worker.errors import ConfigError
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS)
def test_every_command_has_arguments_and_a_body(row: Command) -> None:
    module = importlib.import_module(row.module)
    assert callable(module.add_arguments)
    assert callable(module.run)


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == ExitCode.OK
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_group_lists_its_own_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ai", "models", "--help"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "ai models list" in shown
    assert "ai pull" not in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert COMMANDS[name].summary in shown
    assert all(example in shown for example in COMMANDS[name].examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_command_lines_that_the_parser_takes(name: str) -> None:
    """What a shell would do with the line is taken away first."""
    examples = COMMANDS[name].examples
    assert examples
    for example in examples:
        words = shlex.split(re.split(" [<>] ", example)[0])[1:]
        parser = Parser(prog=f"paddock {name}", description="")
        importlib.import_module(COMMANDS[name].module).add_arguments(parser)
        parser.parse(words[len(name.split()) :])


def test_version_is_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out.strip().replace(".", "").isdigit()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["dve"], "✘ [ERROR] Unknown command: dve (did you mean dev?)"),
        (["ai", "schema"], "✘ [ERROR] Unknown command: ai schema (did you mean ai models schema?)"),
        (["ai", "models", "lits"], "✘ [ERROR] Unknown command: ai models lits (did you mean ai models list?)"),
        (["finetune"], "✘ [ERROR] Unknown command: finetune (did you mean ai finetune?)"),
        (["--versions"], "✘ [ERROR] Unknown argument: --versions (did you mean --version?)"),
        (["dev", "--prot", "1"], "✘ [ERROR] Unknown argument: --prot (did you mean --port?)"),
        (["check", "--confi=x"], "✘ [ERROR] Unknown argument: --confi (did you mean --config?)"),
        (["check", "handler.py"], "✘ [ERROR] Unknown argument: handler.py"),
    ],
)
def test_unknown_word_is_named(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """DT-008."""
    assert main(argv) == ExitCode.USAGE
    assert capsys.readouterr().err.strip() == message


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError(["x"]), ExitCode.CONFIG), (PaddockError("x"), ExitCode.FAILURE), (KeyboardInterrupt(), 130)],
)
def test_errors_have_exit_codes(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(arguments: object) -> int:
        raise error

    monkeypatch.setattr("paddock.worker.cli.check.run", run)
    assert main(["check"]) == code


def test_a_file_in_the_way_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "handler.py").touch()
    (tmp_path / "wrangler-like.toml").write_text('name = "a"\nmain = "handler.py"\n')
    monkeypatch.chdir(tmp_path)
    assert main(["types", "handler.py"]) == ExitCode.FAILURE
    assert capsys.readouterr().err == "✘ [ERROR] handler.py: File exists\n"
