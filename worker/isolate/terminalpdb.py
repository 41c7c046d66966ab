"""pdb on the terminal of `paddock dev`."""

from __future__ import annotations

import pdb
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddock.worker.isolate.breakpoints import TerminalLine

__all__ = ["TerminalPdb"]


class TerminalPdb(pdb.Pdb):
    """pdb that has the terminal only while it shows its prompt: between two steps, other events go on."""

    def __init__(self, line: TerminalLine, on_paused: Callable[[float], None]) -> None:
        terminal = Path(line.path)
        super().__init__(stdin=terminal.open(), stdout=terminal.open("w"), nosigint=True)
        self._line = line
        self._on_paused = on_paused

    def interaction(self, *args: Any) -> None:
        """As the base class, whose arguments depend on Python's version."""
        with self._line.held():
            began = time.monotonic()
            super().interaction(*args)
            self.stdout.flush()
        self._on_paused(time.monotonic() - began)
