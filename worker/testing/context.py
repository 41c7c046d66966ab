"""The fixture `ctx`: what handlers leave to do with `waitUntil`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paddock.worker.testing.lifecycle import Lifecycle
    from paddock.worker.testing.threads import Pending

__all__ = ["DRAIN_S", "Context"]

#: How long background work may take after a test.
DRAIN_S: Final = 5.0


class Context:
    """Background work of a worker under test."""

    def __init__(self, worker: Lifecycle) -> None:
        self._worker = worker

    def drain(self, timeout_s: float = DRAIN_S) -> Pending[None]:
        """Wait until it is done. Raises what it raised, and BackgroundWorkLeft with where that began which is not."""
        return self._worker.drain(timeout_s)
