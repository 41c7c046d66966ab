"""`paddock ai models list`: the catalog, which models would be answered by a stand-in, and their LoRA adapters."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final

from paddock.worker.cli.arguments import add_config_arguments, add_state_argument
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from paddock.bindings.ai.card import ModelCard
    from paddock.worker.cli.adapters import ListedAdapter
    from paddock.worker.cli.arguments import Parser
    from paddock.worker.cli.project import Project

__all__ = ["add_arguments", "run"]

#: Narrower than this, a description says nothing.
_LEAST_DESCRIPTION: Final = 20


def add_arguments(parser: Parser) -> None:
    """wrangler's filters, and `--lora`."""
    add_config_arguments(parser)
    add_state_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--search", metavar="TEXT", default="", help="only models with this in name or description")
    parser.add_argument(
        "--task", metavar="NAME", default="", help='only models of this task, such as "Text Generation"'
    )
    parser.add_argument("--author", metavar="NAME", default="", help="only models of this author")
    parser.add_argument("--source", type=int, metavar="N", help="only models of this source: 1 for @cf, 2 for @hf")
    parser.add_argument("--hide-experimental", action="store_true", help="leave out beta models")
    parser.add_argument("--lora", action="store_true", help="only models that take LoRA adapters")
    parser.add_argument(
        "--installed", action="store_true", help="only models that would answer with weights of their own, no stand-in"
    )


def run(arguments: Namespace) -> int:
    """Print the models that match. Malformed model files are named on standard error and hide no other model."""
    import msgspec

    from paddock.worker.cli.project import open_project

    project = open_project(arguments)
    cards = [card for card in project.catalog if _matches(card, arguments)]
    if arguments.installed:
        cards = [card for card in cards if _is_installed(project, card)]
    if arguments.json:
        items = msgspec.json.encode([_item(card, project) for card in cards])
        print(msgspec.json.format(items, indent=2).decode())
    elif cards:
        print(_table(cards, project, shutil.get_terminal_size().columns))
    else:
        print("No models found.")
    for problem in project.catalog.problems:
        print(f"▲ [WARNING] {problem}", file=sys.stderr)
    return ExitCode.OK


def _matches(card: ModelCard, arguments: Namespace) -> bool:
    text, task = arguments.search.lower(), arguments.task.lower().replace(" ", "-")
    return (
        (text in card.name.lower() or text in (card.description or "").lower())
        and task in ("", card.task_type)
        and arguments.author in ("", card.name.split("/")[1])
        and arguments.source in (None, card.source)
        and not (arguments.hide_experimental and card.is_beta)
        and (card.takes_lora or not arguments.lora)
    )


def _is_installed(project: Project, card: ModelCard) -> bool:
    weights = project.weights(card)
    return not (isinstance(weights, Exception) or weights.is_stand_in)


def _item(card: ModelCard, project: Project) -> dict[str, object]:
    """A model as the REST API lists it, with the origin of its weights and its adapters as further properties."""
    from paddock.worker.cli.adapters import adapters_of

    weights, adapters = project.weights(card), adapters_of(card, project)
    kind = "missing" if isinstance(weights, Exception) else weights.kind
    own: list[object] = [{"property_id": "paddock_weights", "value": kind}]
    if adapters:
        own.append({"property_id": "paddock_finetunes", "value": adapters})
    return {
        "id": card.id,
        "source": card.source,
        "name": card.name,
        "description": card.description,
        "task": card.task,
        "tags": card.tags,
        "properties": [*card.properties, *own],
    }


def _table(cards: Sequence[ModelCard], project: Project, columns: int) -> str:
    from paddock.worker.cli.adapters import adapters_of

    rows, whole = [("model", "task", "weights", "description")], set()
    for card in cards:
        description = " ".join((card.description or "").split())
        rows.append((card.name, card.task.name if card.task else "", _origin(card, project), description))
        below = [_adapter_row(adapter) for adapter in adapters_of(card, project)]
        rows += below
        whole.update(below)
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    room = max(columns - sum(widths) - 2 * 3, _LEAST_DESCRIPTION)
    lines = []
    for row in rows:
        last = row[3] if row in whole else _cut(row[3], room)
        lines.append("  ".join([*(row[i].ljust(widths[i]) for i in range(3)), last]).rstrip())
    return "\n".join(lines)


def _adapter_row(adapter: ListedAdapter) -> tuple[str, str, str, str]:
    """Below its base model: the name that calls give as `lora`, its rank, where it is from, its id."""
    rank = "" if adapter.rank is None else f"rank {adapter.rank}"
    return f"  lora {adapter.name}", rank, adapter.origin + (", public" if adapter.public else ""), adapter.id or ""


def _origin(card: ModelCard, project: Project) -> str:
    from paddock.bindings.ai.tasks import task_of

    weights = project.weights(card)
    if isinstance(weights, Exception):
        return "missing" if task_of(card) else "none: nothing here runs this task"
    return "STAND-IN, not the real model" if weights.is_stand_in else weights.kind


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 3] + "..."
