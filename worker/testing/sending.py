"""Fetches to the isolate of a worker under test, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddock.worker.peer import PeerFault
from paddock.worker.testing import http
from paddock.worker.testing.rebuilt import rebuilt
from paddock.worker.testing.threads import raised_in_handler

if TYPE_CHECKING:
    from paddock.bindings.binding import CallRecord
    from paddock.worker import wire
    from paddock.worker.channel import ByteSource
    from paddock.worker.peer import Answer
    from paddock.worker.process import IsolateProcess

__all__ = ["sent", "whole"]


async def sent(
    isolate: IsolateProcess, fetch: wire.Fetch, body: bytes | ByteSource | None, calls: list[CallRecord]
) -> Answer:
    """The isolate's answer. Raises what the handler raised."""
    try:
        return await isolate.fetch(fetch, body, calls)
    except PeerFault as fault:
        raise raised_in_handler(rebuilt(fault.name, fault.message, fault.report.decode())) from None


async def whole(answer: Answer) -> Answer:
    """The answer with its body read to the end. Raises httpx.RemoteProtocolError where it breaks off."""
    if answer.body is None or isinstance(answer.body, bytes):
        return answer
    pieces = []
    while (piece := await http.pulled(answer.body)) is not None:
        pieces.append(piece)
    return answer._replace(body=b"".join(pieces))
