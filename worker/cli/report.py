"""Errors and warnings as a person at a terminal reads them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from paddock.worker.errors import ConfigError, listed
from paddock.worker.log import wants_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paddock.bindings.errors import PaddockError

__all__ = ["print_error", "print_warnings"]


def print_error(error: PaddockError) -> None:
    """The error on standard error, after the warnings that were found with it."""
    if isinstance(error, ConfigError):
        print_warnings(error.warnings, error.source)
    mark = "\x1b[31m✘ [ERROR]\x1b[0m" if wants_colour(sys.stderr) else "✘ [ERROR]"
    print(f"{mark} {error}", file=sys.stderr)


def print_warnings(warnings: Sequence[str], source: str) -> None:
    """The warnings of a configuration file as one list, as wrangler shows them; nothing when there are none."""
    if not warnings:
        return
    mark = "\x1b[33m▲ [WARNING]\x1b[0m" if wants_colour(sys.stderr) else "▲ [WARNING]"
    print(f"{mark} {listed(warnings, source)}", file=sys.stderr)
