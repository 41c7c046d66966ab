"""What a test may leave behind in the isolate: its first part tells the kit that there is something to clean up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from paddock.worker import wire
from paddock.worker.isolate.web.caches import CACHES

if TYPE_CHECKING:
    from paddock.worker.peer import Peer

__all__ = ["RESIDUE"]


class _Residue:
    """Whether the kit knows."""

    def __init__(self) -> None:
        self.peer: Peer | None = None
        self._is_told = False

    def note(self) -> None:
        """There is something, or will be."""
        if self.peer is not None and not self._is_told:
            self._is_told = True
            self.peer.send(wire.Residue())

    def fail(self) -> None:
        """Something has raised, which whoever waits for an answer of it would else never know."""
        if self.peer is not None:
            self._is_told = True
            self.peer.send(wire.Residue(has_failed=True))

    def forget(self) -> None:
        """All of it was cleaned up."""
        self._is_told = False


RESIDUE: Final = _Residue()
CACHES._store.on_keep = RESIDUE.note
