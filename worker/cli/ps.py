"""`paddock ai ps`: the models that a running dev server has been asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paddock.worker.cli.server import add_server_arguments, ask, connected
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "run"]

_COLUMNS = ("MODEL", "STATE", "WEIGHTS", "MEMORY", "CTX", "RUNNING/QUEUED", "UNTIL")


def add_arguments(parser: Parser) -> None:
    """`--json`, and where the server is."""
    add_server_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    """Print one line for each."""
    import msgspec

    with connected(arguments) as client:
        models = ask(client, "ps")["models"]
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(models), indent=2).decode())
    elif models:
        rows = [_COLUMNS, *(_row(name, model) for name, model in models.items())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    else:
        print("No model has been asked for yet.")
    return ExitCode.OK


def _row(name: str, model: dict[str, Any]) -> tuple[str, ...]:
    state = model["state"] + (f" ({model['phase']})" if model.get("phase") else "")
    memory, context = model.get("memory_bytes"), model.get("context_tokens")
    calls = f"{model['running']}/{model['waiting']}" if "running" in model else f"0/{model['calls']}"
    return (
        name,
        state,
        model["weights"],
        "-" if memory is None else f"{memory / 1e6:.0f} MB",
        "-" if context is None else str(context),
        calls,
        _until(model),
    )


def _until(model: dict[str, Any]) -> str:
    if model["pinned"]:
        return "pinned"
    if model.get("failure"):
        return f"retry in {model['retry_in_s']:.0f} s" if model["retry_in_s"] else "next call"
    seconds = model["expires_in_s"]
    if seconds is None:
        return "in use" if model["calls"] else "-"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
