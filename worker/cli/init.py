"""`paddock init`: a new project out of a template, with tests that pass. DT-055."""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.worker.cli.arguments import UsageError
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from paddock.worker.cli.arguments import Parser

__all__ = ["TEMPLATES", "add_arguments", "run"]

#: Folder below worker/templates -> what it makes.
TEMPLATES: Final = {
    "hello-ai": "a question, an answer",
    "chat-stream": "a chat with a page, whose answers stream",
    "embeddings-rag": "questions answered from documents of yours",
    "lora": "a model with an adapter",
    "scheduled": "a cron trigger, KV and a summary",
}
_FOLDER: Final = Path(__file__).parents[1] / "templates"
#: wrangler's rule for names of workers; and what a package may be called, too.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}(?<!-)")


def add_arguments(parser: Parser) -> None:
    """The name, the template, and whether to ask."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="name of the project and of its folder")
    listed = "; ".join(f"{name}: {text}" for name, text in TEMPLATES.items())
    parser.add_argument("--template", choices=TEMPLATES, metavar="NAME", help=f"{listed} (hello-ai)")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask; take the defaults")


def run(arguments: Namespace) -> int:
    """Write the project into a new or empty folder, and say what comes next."""
    asks = not arguments.yes and sys.stdin.isatty()
    template = arguments.template or (_asked("Template", "hello-ai", tuple(TEMPLATES)) if asks else "hello-ai")
    name = arguments.name or (_asked("Name", template) if asks else template)
    if template not in TEMPLATES:
        raise UsageError(f"Template: expected one of {', '.join(TEMPLATES)}; got {template!r}")
    if not _NAME.fullmatch(name):
        raise UsageError(f"Name: expected lowercase letters, digits and inner dashes, 63 at most; got {name!r}")
    folder = Path.cwd() / name
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(f"{folder} is there, and not empty. Nothing was written.")
    for place, text in _files(template, name):
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:  # somebody else's file of this moment stays, too
            new.write(text)
    print(f"✨ {folder} ({template})\n\n  cd {name}\n  pytest\n  paddock dev")
    return ExitCode.OK


def _files(template: str, name: str) -> Iterator[tuple[Path, str]]:
    """The files of a project: those of all templates, and the template's own."""
    values = {"{{name}}": name, "{{date}}": datetime.datetime.now(datetime.UTC).date().isoformat()}
    tail = (_FOLDER / "common" / "README.tail.md").read_text("utf-8")
    for folder in (_FOLDER / "common", _FOLDER / template):
        for file in sorted(folder.rglob("*")):
            if file.is_dir() or "__pycache__" in file.parts or file.name == "README.tail.md":
                continue
            text = file.read_text("utf-8") + (tail if file.name == "README.md" else "")
            for mark, value in values.items():
                text = text.replace(mark, value)
            place = file.relative_to(folder)
            # A file of this name here would be git's for this folder.
            yield (place.with_name(".gitignore") if place.name == "gitignore" else place), text


def _asked(question: str, default: str, choices: tuple[str, ...] = ()) -> str:
    shown = f" ({', '.join(choices)})" if choices else ""
    return input(f"{question}{shown} [{default}]: ").strip() or default
