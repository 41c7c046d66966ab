"""`paddock schema`: the JSON Schema of wrangler-like.toml, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """None."""


def run(arguments: Namespace) -> int:
    """Print it."""
    from paddock.worker.config.schema import SCHEMA_FILE

    print((Path(__file__).parents[1] / SCHEMA_FILE).read_text("utf-8"), end="")
    return ExitCode.OK
