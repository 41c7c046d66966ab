"""Paths that are the dev server's own, answered by its app: few tests come here, and the app brings the doors along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from paddock.bindings.ai.doors import rest
from paddock.worker.guard import RESERVED, Guard
from paddock.worker.peer import Answer

if TYPE_CHECKING:
    from paddock.bindings.ai.service import AiService
    from paddock.bindings.binding import FetchRequest
    from paddock.worker.config.loading import Config
    from paddock.worker.supervisor import Supervisor

__all__ = ["answer", "is_reserved"]

#: Paths of this machine, and the REST API.
_PREFIXES: Final = (RESERVED, rest.PREFIX)


def is_reserved(request: FetchRequest) -> bool:
    """Whether the request is not for the worker."""
    return urlsplit(request.url).path.startswith(_PREFIXES)


async def answer(supervisor: Supervisor, service: AiService, config: Config, request: FetchRequest) -> Answer:
    """What the dev server answers."""
    from paddock.bindings.ai.doors.access import Access
    from paddock.worker.answers import Front
    from paddock.worker.app import make_app

    host = urlsplit(request.url).hostname or ""
    limit_bytes = config.paddock.max_body_bytes
    app = make_app(
        supervisor,
        service,
        limit_bytes,
        access=Access(config.paddock.api_token),
        front=Front(guard=Guard(frozenset({host}))),
    )
    asked = httpx.Request(
        request.method, request.url, headers=list(request.headers), content=await request.read(limit_bytes)
    )
    response = await httpx.ASGITransport(app).handle_async_request(asked)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    return Answer(response.status_code, "", headers, await response.aread())
