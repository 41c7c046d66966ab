"""`paddock completion SHELL`: what a shell needs to complete commands and flags, by shtab."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "parser_of_all", "run"]

_SHELLS: Final = ("bash", "zsh", "fish")


def add_arguments(parser: Parser) -> None:
    """The shell."""
    parser.add_argument("shell", choices=_SHELLS, help="the shell to write for")


def run(arguments: Namespace) -> int:
    """Print the shell's script."""
    import shtab

    print(shtab.complete(parser_of_all(), shell=arguments.shell))
    return ExitCode.OK


def parser_of_all() -> Parser:
    """One parser with every command below it, and every module of a command imported."""
    from paddock.worker.cli import COMMANDS
    from paddock.worker.cli.arguments import Parser

    root = Parser(prog="paddock", description="")
    below: dict[str, Any] = {"": root.add_subparsers()}
    for name, command in COMMANDS.items():
        *groups, last = name.split()
        for depth, group in enumerate(groups, 1):
            path = " ".join(groups[:depth])
            if path not in below:
                above = below[" ".join(groups[: depth - 1])]
                # `state` is a command too; shtab leaves parsers out that have no help.
                parser = above.choices.get(group) or above.add_parser(group, description="", help=f"paddock {path} ...")
                below[path] = parser.add_subparsers()
        parser = below[" ".join(groups)].add_parser(last, description=command.summary, help=command.summary)
        parser.prog = f"paddock {name}"
        importlib.import_module(command.module).add_arguments(parser)
    return root
