"""Another worker of the session as a callee: what it is asked for crosses to the server, and from there to its isolate.

The server knows which worker a binding leads to, with which entrypoint and props. A stream that nobody has read is only
named on this way, in both directions. PW-039.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paddock.worker import wire
from paddock.worker.isolate.depth import next_depth
from paddock.worker.isolate.own import with_length

if TYPE_CHECKING:
    from paddock.worker.isolate.own import Target
    from paddock.worker.isolate.remotecalls import RemoteCalls
    from paddock.worker.isolate.web.request import Request
    from paddock.worker.isolate.web.response import Response

__all__ = ["Neighbour"]


class Neighbour:
    """What a service binding leads to. The target is the server's knowledge, and so without meaning here."""

    def __init__(self, remote: RemoteCalls, binding: str) -> None:
        self._remote = remote
        self._binding = binding

    async def fetch(self, _target: Target, request: Request) -> Response:
        """The response of the entrypoint. Raises JsException with what its handler raised."""
        return await self._remote.transport.fetch_service(self._binding, with_length(request), next_depth())

    async def deliver(self, kind: str, arguments: bytes) -> dict[str, object]:
        """Have the default entrypoint take an event that is no fetch; its outcome, and what the handler did."""
        told = await self._remote.transport.deliver(self._binding, kind, arguments, next_depth())
        return msgspec.json.decode(told, type=dict[str, object])

    async def call(self, _target: Target, method: str, args: tuple[object, ...]) -> object:
        """What a method returns. Raises JsException with what it raised."""
        return await self._remote.call(self._binding, wire.CALL, method, args)
