"""`paddock ai usage`: what the project's calls would have cost in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.cli.arguments import add_config_arguments, add_state_argument
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser
    from paddock.worker.usage import Usage

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """`--json`, and where the project is."""
    add_config_arguments(parser)
    add_state_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, a row for each day and model")


def run(arguments: Namespace) -> int:
    """Print totals by model, and what would have been paid."""
    import msgspec

    from paddock.worker.config.files import state_here
    from paddock.worker.usage import read_usage, usage_file

    rows = read_usage(usage_file(state_here(arguments.config, arguments.persist_to)))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
    elif rows:
        print(_table(rows))
    else:
        print("No calls yet: `paddock dev` counts them.")
    return ExitCode.OK


def _table(rows: list[Usage]) -> str:
    from paddock.bindings.ai.price import USD_PER_NEURON
    from paddock.worker.usage import FREE_NEURONS, payable_neurons

    lines: list[tuple[str, ...]] = [("model", "calls", "input tokens", "output tokens", "neurons", "USD")]
    for model in sorted({row.model for row in rows}):
        own = [row for row in rows if row.model == model]
        priced = [row.neurons for row in own if row.neurons is not None]
        cost = (f"{sum(priced):.3f}", f"{sum(priced) * USD_PER_NEURON:.6f}") if priced else ("no price", "no price")
        sums = (sum(row.calls for row in own), sum(row.prompt_tokens for row in own))
        lines.append((model, *map(str, sums), str(sum(row.completion_tokens for row in own)), *cost))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    neurons = sum(row.neurons or 0.0 for row in rows)
    total = (
        f"From {rows[0].day} to {rows[-1].day} (UTC): {neurons:.3f} neurons, ${neurons * USD_PER_NEURON:.6f}; "
        f"${payable_neurons(rows) * USD_PER_NEURON:.6f} after the {FREE_NEURONS} free neurons of each day."
    )
    return "\n".join([*(_aligned(line, widths) for line in lines), total])


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    """Names to the left, numbers to the right."""
    name, *numbers = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
    return "  ".join([name.strip().ljust(widths[0]), *numbers])
