"""How many workers an event has come through, within this isolate and across others.

Source: developer docs, Workers errors, 1019; the text is the runtime's.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from paddock.worker.isolate.web.errors import JsException

__all__ = ["DEPTH", "next_depth"]

_MOST: Final = 16
_TOO_DEEP: Final = (
    "Subrequest depth limit exceeded. This request recursed through Workers too many times. This can happen e.g. if "
    "you have a Worker or Durable Object that calls other Workers or objects recursively."
)
#: Of the running event: 0 for one that no worker sent.
DEPTH: Final[ContextVar[int]] = ContextVar("depth", default=0)


def next_depth() -> int:
    """The depth of an event that the running one sends. Raises JsException where that is too deep."""
    if DEPTH.get() >= _MOST:
        raise JsException("Error", _TOO_DEEP)
    return DEPTH.get() + 1
