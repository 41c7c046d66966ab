"""`breakpoint()` in a handler: the debugger that is attached, or else pdb on the terminal of `paddock dev`.

Production has neither. Without a debugger and without a terminal it is refused: pdb would read from nowhere.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TerminalLine", "install"]

_REFUSED: Final = (
    "breakpoint() needs a terminal or a debugger: run `paddock dev` in a terminal, "
    "or with --inspector-port, and attach one there"
)


class TerminalLine:
    """This end of the socket over which the server lends its terminal, which is at `path`."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(True)
        self.path = path

    @classmethod
    def at(cls, word: str) -> TerminalLine:
        """That of the process's argument `terminal=DESCRIPTOR:PATH`."""
        descriptor, _, path = word.partition("=")[2].partition(":")
        return cls(int(descriptor), path)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Have the terminal, and nobody else, for the block. Waits for it; the event loop stands still."""
        self._socket.sendall(b"?")
        if not self._socket.recv(1):
            raise RuntimeError("breakpoint(): the server has gone")
        try:
            yield
        finally:
            self._socket.sendall(b".")


def install(line: TerminalLine | None, has_debugger: bool, on_paused: Callable[[float], None]) -> None:
    """Decide what `breakpoint()` does, unless PYTHONBREAKPOINT has. `on_paused` gets the seconds of each stop."""
    if "PYTHONBREAKPOINT" in os.environ or has_debugger:  # debugpy has its own
        return
    if line is None:
        sys.breakpointhook = _refuse
        return

    # Now: later, a file of the user may have the name of something that pdb imports.
    from paddock.worker.isolate.terminalpdb import TerminalPdb

    def stop(*_args: object, **_options: object) -> None:
        TerminalPdb(line, on_paused).set_trace(sys._getframe(1))

    sys.breakpointhook = stop


def _refuse(*_args: object, **_options: object) -> NoReturn:
    raise RuntimeError(_REFUSED)
