"""`paddock types`: stubs with the type of `self.env` and of every model's inputs and answers. DT-054."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from paddock.worker.cli.arguments import add_config_arguments
from paddock.worker.options import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

    from paddock.worker.cli.arguments import Parser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """wrangler's flags that mean something for Python."""
    add_config_arguments(parser)
    parser.add_argument(
        "path", nargs="?", type=Path, metavar="DIR", help="folder to write to (default: that of the configuration)"
    )
    parser.add_argument("--env-interface", metavar="NAME", default="Env", help="name of the class of self.env (Env)")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 when the files are out of date"
    )


def run(arguments: Namespace) -> int:
    """Write the files, or say whether they are what would be written."""
    from paddock.worker.assembly import read_catalog
    from paddock.worker.cli.arguments import UsageError
    from paddock.worker.config.loading import load_config
    from paddock.worker.stubs import render

    if not arguments.env_interface.isidentifier():
        raise UsageError(f"--env-interface: expected the name of a class; got {arguments.env_interface!r}")
    config = load_config(arguments.config, arguments.env)
    folder = arguments.path or config.root
    is_stale = False
    for name, text in render(config, read_catalog(config), arguments.env_interface).items():
        file = folder / name
        if not arguments.check:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            print(f"✨ Types written to {file}")
        elif not file.is_file() or file.read_text("utf-8") != text:
            is_stale = True
            print(f"✘ [ERROR] Types at {file} are out of date. Run `paddock types`.", file=sys.stderr)
        else:
            print(f"✨ Types at {file} are up to date.")
    return ExitCode.FAILURE if is_stale else ExitCode.OK
