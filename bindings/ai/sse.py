"""Server-sent events of the native text-generation stream, byte for byte as production frames them.

Each event is one line `data: ` + JSON + two newlines, nothing else; the last one is `data: [DONE]`. A frame carries
`p`, padding of varying length that keeps the length of a packet from telling the token in it.
Source: model pages of the developer docs; stream fixtures of the official AI SDK provider; WA-055 to WA-062.
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["CONTENT_TYPE", "DONE", "event", "native_frame", "padding", "usage_frame"]

CONTENT_TYPE: Final = "text/event-stream"
DONE: Final = b"data: [DONE]\n\n"

_PADDING: Final = "abdefghijklmnoprstuvxyz1234567890" * 2
_PADDING_LENGTHS: Final = 48
_encode: Final = msgspec.json.Encoder().encode


class _Frame(msgspec.Struct):
    response: str
    p: str | msgspec.UnsetType


def event(data: bytes) -> bytes:
    """One event around encoded JSON."""
    return b"data: " + data + b"\n\n"


def native_frame(text: str, index: int, *, is_padded: bool = True) -> bytes:
    """The event for one piece of text."""
    return event(_encode(_Frame(text, padding(text, index) if is_padded else msgspec.UNSET)))


def padding(text: str, index: int) -> str:
    """The padding `p`. Its length comes from position and text, so that the same answer gives the same bytes."""
    return _PADDING[: 1 + (index * 17 + len(text) * 29) % _PADDING_LENGTHS]


def usage_frame(usage: dict[str, int]) -> bytes:
    """The event that precedes `[DONE]`: no text, cumulative token counts."""
    return event(_encode({"response": "", "usage": usage}))
