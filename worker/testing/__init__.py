"""The test kit: workers under test in milliseconds, in pytest and outside of it. See README.md in this folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from paddock.worker.isolate.web.errors import JsException
    from paddock.worker.testing.ai import Ai
    from paddock.worker.testing.errors import (
        BackgroundWorkLeft,
        HandlerError,
        NetworkBlocked,
        StaleHandle,
        UnexpectedAiCall,
        WebSocketDisconnect,
        WebSocketUpgradeError,
    )
    from paddock.worker.testing.events import EventResult
    from paddock.worker.testing.paddock import Paddock
    from paddock.worker.testing.threads import Pending
    from paddock.worker.testing.websocket import WebSocketSession

__all__ = [
    "Ai",
    "BackgroundWorkLeft",
    "EventResult",
    "HandlerError",
    "JsException",
    "NetworkBlocked",
    "Paddock",
    "Pending",
    "StaleHandle",
    "UnexpectedAiCall",
    "WebSocketDisconnect",
    "WebSocketSession",
    "WebSocketUpgradeError",
]

#: Imported when they are asked for: the pytest plugin comes with the package, and most tests need none of them.
_HOMES: Final = {
    "Ai": "paddock.worker.testing.ai",
    "EventResult": "paddock.worker.testing.events",
    "JsException": "paddock.worker.isolate.web.errors",
    "Paddock": "paddock.worker.testing.paddock",
    "Pending": "paddock.worker.testing.threads",
    "WebSocketSession": "paddock.worker.testing.websocket",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "paddock.worker.testing.errors")), name)
