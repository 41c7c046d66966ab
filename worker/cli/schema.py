"""`paddock ai models schema MODEL`: what a model takes and gives, as its file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.cli.arguments import add_config_arguments
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """The model id."""
    add_config_arguments(parser)
    parser.add_argument("model", metavar="MODEL", help="model id, such as @cf/microsoft/phi-2")


def run(arguments: Namespace) -> int:
    """Print both schemas as JSON and nothing else."""
    import msgspec

    from paddock.worker.cli.project import open_project

    card = open_project(arguments).catalog.card(arguments.model)
    schemas = msgspec.json.encode({"input": card.input_schema, "output": card.output_schema})
    print(msgspec.json.format(schemas, indent=2).decode())
    return ExitCode.OK
