"""`paddock state` and `paddock state reset`: what a project keeps between two starts, and how to begin again."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from paddock.worker.cli.arguments import UsageError, add_config_arguments, add_state_argument
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """Where the state is; for `reset` also what of it, and whether to ask."""
    add_config_arguments(parser)
    add_state_argument(parser)
    is_reset = parser.prog.endswith(" reset")
    parser.set_defaults(is_reset=is_reset)
    if is_reset:
        parser.add_argument("--only", metavar="NAMES", help="only these, between commas, such as kv,usage")
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(arguments: Namespace) -> int:
    """Show what is there, or remove it."""
    from paddock.bindings.state import StateFolder
    from paddock.worker.config.files import state_here
    from paddock.worker.whereabouts import FOLDER, running

    state = state_here(arguments.config, arguments.persist_to)
    folder = StateFolder(state).path
    kept = _kept(folder, FOLDER)
    if not arguments.is_reset:
        print(folder)
        for name, files in kept.items():
            print(f"  {name:<12} {_size(files)}")
        return ExitCode.OK
    if servers := running(state):
        print(f"✘ [ERROR] {servers[0].url} writes there (process {servers[0].pid}). Stop it first.", file=sys.stderr)
        return ExitCode.FAILURE
    chosen = _chosen(kept, arguments.only)
    if not chosen:
        print(f"Nothing to remove in {folder}.")
        return ExitCode.OK
    if not (arguments.yes or _agreed(f"Remove {', '.join(chosen)} from {folder}?")):
        print("Nothing was removed.")
        return ExitCode.FAILURE
    for name in chosen:
        for file in kept[name]:
            _remove(file)
    print(f"Removed {', '.join(chosen)} from {folder}.")
    return ExitCode.OK


def _kept(folder: Path, but: str) -> dict[str, list[Path]]:
    """Name -> files and folders: `kv`, and `usage` for usage.sqlite and its journal."""
    kept: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.name not in (".gitignore", but):
            kept.setdefault(file.name.partition(".")[0], []).append(file)
    return kept


def _chosen(kept: dict[str, list[Path]], only: str | None) -> list[str]:
    if only is None:
        return list(kept)
    names = [name.strip() for name in only.split(",") if name.strip()]
    if unknown := [name for name in names if name not in kept]:
        raise UsageError(f"--only: there is no {', '.join(unknown)}; there is {', '.join(kept) or 'nothing'}")
    return names


def _agreed(question: str) -> bool:
    """Whether the person at the terminal says yes. Without a terminal the command line has to say it."""
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask at: say --yes.")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _remove(file: Path) -> None:
    """A folder with what is in it; of a link only the link."""
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink()


def _size(files: list[Path]) -> str:
    found = [inner for file in files for inner in ([file] if file.is_file() else file.rglob("*"))]
    return f"{sum(file.stat().st_size for file in found if file.is_file()) / 1000:,.1f} kB"
