"""What tests can meet beside the exceptions of their handlers."""

from __future__ import annotations

__all__ = ["BackgroundWorkLeft", "HandlerError", "NetworkBlocked", "StaleHandle", "UnexpectedAiCall"]


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
