"""What tests can meet beside the exceptions of their handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = [
    "BackgroundWorkLeft",
    "HandlerError",
    "NetworkBlocked",
    "StaleHandle",
    "UnexpectedAiCall",
    "WebSocketDisconnect",
    "WebSocketUpgradeError",
]


class HandlerError(Exception):
    """Base of the exceptions that handlers raise and whose own class the test's process does not have."""


class UnexpectedAiCall(AssertionError):
    """The worker called a model, and the test has no answer for it."""


class BackgroundWorkLeft(AssertionError):
    """Work of `waitUntil` was not done when the test was, or it raised."""


class NetworkBlocked(AssertionError):
    """The worker asked for an address that the test neither answers nor allows."""


class StaleHandle(RuntimeError):
    """Something of a test was used after the test, or of a worker after its end."""


class WebSocketDisconnect(Exception):
    """The connection is over: `code` and `reason` of the Close frame, 1005 for one without a code, 1006 without one."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"the WebSocket is closed: {code}{f' {reason}' if reason else ''}")
        self.code, self.reason = code, reason


class WebSocketUpgradeError(Exception):
    """The worker answered a request for a WebSocket with another response, which is `response`."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"expected a WebSocket (status 101); the worker answered {response.status_code}")
        self.response = response
