"""The outside world in tests: closed, but for what a test answers itself or opens by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.errors import NetworkError
from paddock.worker.outbound import Outbound

if TYPE_CHECKING:
    from paddock.bindings.binding import FetchRequest, FetchResponse
    from paddock.worker.peer import IncomingFetch

__all__ = ["TestedOutbound"]


class TestedOutbound(Outbound):
    """Refuses every address."""

    async def fetch(self, request: FetchRequest, redirect: str) -> FetchResponse:
        """As in `Outbound`."""
        raise NetworkError(_refusal(request.method, request.url))

    async def upgrade(self, incoming: IncomingFetch) -> None:
        """As in `Outbound`."""
        raise NetworkError(_refusal("WebSocket", incoming.fetch.url))


def _refusal(method: str, url: str) -> str:
    return f"{method} {url}: tests have no network"
