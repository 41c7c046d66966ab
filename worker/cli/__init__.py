"""The `paddock` command: a table of commands, each in a module that is imported only when it is called.

Nothing here or at the top of a command's module imports the server, the catalog or an engine, so that `paddock --help`
and a mistyped flag answer at once. To add a command: a module with `add_arguments(parser)` and `run(arguments)`, and
one row in COMMANDS.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker.cli.arguments import Parser, UsageError
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

__all__ = ["COMMANDS", "Command", "main"]


class Command(NamedTuple):
    """A row of the table: where the command lives, and what `paddock --help` says about it."""

    module: str
    summary: str


COMMANDS: Final[dict[str, Command]] = {
    "dev": Command("paddock.worker.cli.dev", "Run the worker and its models on this machine."),
    "check": Command("paddock.worker.cli.check", "Look for mistakes in wrangler-like.toml and the catalog."),
    "doctor": Command("paddock.worker.cli.doctor", "Show what this machine has for Paddock, and what is in its way."),
    "ai models list": Command("paddock.worker.cli.models", "List the catalog's models and where their weights are."),
    "ai models schema": Command("paddock.worker.cli.schema", "Print the input and output schema of a model."),
    "ai usage": Command("paddock.worker.cli.usage", "Show what the calls so far would have cost in production."),
    "ai ps": Command("paddock.worker.cli.ps", "Show which models the dev server has loaded, and until when."),
    "ai load": Command("paddock.worker.cli.orders", "Load a model before its first call."),
    "ai unload": Command("paddock.worker.cli.orders", "End a model's engine; its memory comes back."),
    "ai pin": Command("paddock.worker.cli.orders", "Load a model and keep it, whatever else wants its place."),
    "ai unpin": Command("paddock.worker.cli.orders", "Let a pinned model go by the usual times again."),
    "ai run": Command("paddock.worker.cli.run", "Ask a model of the dev server, and print its answer as it comes."),
    "ai pull": Command("paddock.worker.cli.pull", "Download the weights of a model."),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. A PaddockError becomes a message; any other exception is a bug."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except UsageError as exc:
        print(f"✘ [ERROR] {exc}", file=sys.stderr)
        return ExitCode.USAGE
    except SystemExit as exc:  # how argparse ends after --help
        return int(exc.code or 0)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _dispatch(words: list[str]) -> int:
    for name, command in COMMANDS.items():
        count = len(name.split())
        if words[:count] == name.split():
            module = importlib.import_module(command.module)
            parser = Parser(prog=f"paddock {name}", description=command.summary)
            module.add_arguments(parser)
            return _run(module.run, parser.parse(words[count:]))
    return _overview(words)


def _run(run: Callable[[Namespace], int], arguments: Namespace) -> int:
    from paddock.bindings.errors import CatalogError, PaddockError
    from paddock.worker.cli.report import print_error
    from paddock.worker.errors import ConfigError

    try:
        return run(arguments)
    except PaddockError as exc:
        print_error(exc)
        return ExitCode.CONFIG if isinstance(exc, (ConfigError, CatalogError)) else ExitCode.FAILURE


def _overview(words: list[str]) -> int:
    """`paddock`, `paddock --help`, `paddock ai --help`: the commands that begin with these words."""
    if words in (["--version"], ["-v"]):
        from importlib.metadata import version

        print(version("paddock"))
        return ExitCode.OK
    group = [word for word in words if word not in ("--help", "-h")]
    rows = {name: row for name, row in COMMANDS.items() if name.split()[: len(group)] == group}
    if not rows:
        raise UsageError.unknown(
            words[0], [word for name in COMMANDS for word in name.split()] + ["--help", "--version"]
        )
    width = max(map(len, rows))
    print(f"Usage: {' '.join(['paddock', *group])} COMMAND [--help]\n\nCommands:")
    for name, row in rows.items():
        print(f"  {name.ljust(width)}  {row.summary}")
    return ExitCode.OK
