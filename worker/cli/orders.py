"""`paddock ai load`, `unload`, `pin` and `unpin`: the same order to a running dev server, by another name each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.cli.server import add_server_arguments, ask, connected
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """The model, and what only one of the orders takes."""
    add_server_arguments(parser)
    parser.add_argument("model", metavar="MODEL", help="model id, such as @cf/microsoft/phi-2")
    order = parser.prog.rpartition(" ")[2]
    parser.set_defaults(order=order)
    if order == "unload":
        parser.add_argument("--force", action="store_true", help="end open calls with an error")


def run(arguments: Namespace) -> int:
    """Give the order, and say in which state it has left the model."""
    endpoint, more = {
        "load": ("load", {}),
        "unload": ("unload", {"force": getattr(arguments, "force", False)}),
        "pin": ("pin", {"pinned": True}),
        "unpin": ("pin", {"pinned": False}),
    }[arguments.order]
    with connected(arguments) as client:
        model = ask(client, endpoint, {"model": arguments.model, **more})
    print(f"{model['model']}: {model['state']}{', pinned' if model.get('pinned') else ''}")
    return ExitCode.OK
