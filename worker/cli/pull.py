"""`paddock ai pull MODEL`: the weights of a model, from Hugging Face into its cache on this machine."""

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
    """Download with a progress bar; an interrupted download goes on where it stopped."""
    from paddock.bindings.ai.weights import pull
    from paddock.worker.cli.project import open_project

    project = open_project(arguments)
    card = project.catalog.card(arguments.model)
    weights = pull(card, project.configured_weights(card))
    print(f"{card.name}: weights of {weights.repository} in {weights.path}")
    return ExitCode.OK
