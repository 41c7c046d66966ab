"""`paddock ai finetune create` and `list`: LoRA adapters of the project, with or without a dev server that runs.

The words are those of `wrangler ai finetune`; unlike there, a failure ends with a code. DT-052, DT-053.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from paddock.worker.cli.arguments import add_config_arguments, add_state_argument
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.bindings.ai.finetunes.service import Finetunes
    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """For `create` the model, the name and the folder; for `list` whether to print JSON."""
    add_config_arguments(parser)
    add_state_argument(parser)
    if parser.prog.endswith(" list"):
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(finetune=_list)
        return
    parser.add_argument("model", metavar="MODEL", help="id of the base model")
    parser.add_argument("name", metavar="NAME", help="what calls name as `lora`")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where its two files are")
    parser.set_defaults(finetune=_create)


def run(arguments: Namespace) -> int:
    """Create a finetune, or list them."""
    from paddock.bindings.ai.finetunes.service import Finetunes
    from paddock.bindings.ai.finetunes.store import FinetuneStore
    from paddock.bindings.ai.weights import find_weights
    from paddock.bindings.state import StateFolder
    from paddock.worker.cli.project import open_project
    from paddock.worker.config.files import state_here

    store = FinetuneStore(StateFolder(state_here(arguments.config, arguments.persist_to)))
    project = open_project(arguments)

    finetunes = Finetunes(
        store,
        project.catalog.card,
        lambda card: find_weights(
            card,
            project.configured_weights(card),
            stand_ins=project.settings.stand_ins,
            servers=project.settings.servers(card.name),
        ),
    )
    arguments.finetune(finetunes, arguments)
    return ExitCode.OK


def _create(finetunes: Finetunes, arguments: Namespace) -> None:
    """Check both files before anything is made: a finetune cannot be removed one by one."""
    from paddock.bindings.ai.finetunes.adapter import CONFIG, FILES, WEIGHTS
    from paddock.bindings.errors import FinetuneRefused

    model, name, folder = arguments.model, arguments.name, arguments.folder
    print(f'🌀 Creating new finetune "{name}" for model "{model}"...')
    missing = [file_name for file_name in FILES if not (folder / file_name).is_file()]
    if missing:
        raise FinetuneRefused(f"Asset missing. Required assets: {', '.join(FILES)}; {folder} has no {missing[0]}")
    finetunes.check(model, folder / CONFIG, folder / WEIGHTS)
    finetune = finetunes.create(model, name)
    for file_name in FILES:
        print(f'🌀 Uploading file "{folder / file_name}" to "{name}"...')
        copy = finetunes.store.scratch(finetune)
        try:
            shutil.copyfile(folder / file_name, copy)
            finetunes.accept(finetune, file_name, copy)
        finally:
            copy.unlink(missing_ok=True)
    print(f'✅ Assets uploaded, finetune "{name}" is ready to use.')


def _list(finetunes: Finetunes, arguments: Namespace) -> None:
    import msgspec

    rows = finetunes.store.all()
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    if not rows:
        print("No finetune assets found.")
        return
    cells = [("finetune_id", "name", "model", "description"), *((r.id, r.name, r.model, r.description) for r in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
