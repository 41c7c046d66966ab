"""Server-sent events, taken apart while they come. Source: WHATWG HTML, "Server-sent events"."""

from __future__ import annotations

from typing import Final

__all__ = ["DONE", "EventReader", "EventTooLarge"]

#: The data of the event after the last one.
DONE: Final = b"[DONE]"
#: An event is one engine step of one request: far below this, logprobs included.
_MOST_BYTES: Final = 8 * 1024 * 1024


class EventTooLarge(Exception):
    """What comes is no stream of events, or none of ours."""


class EventReader:
    """Gives the data of each whole event. Comments, and fields other than `data`, are passed over."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that end in the next bytes, in order. Raises EventTooLarge."""
        text = self._rest + piece
        if b"\r" in text:
            # A carriage return at the end may be half of a line's end.
            held = text.endswith(b"\r")
            text = text.replace(b"\r\n", b"\n")
            head, tail = (text[:-1], b"\r") if held else (text, b"")
            text = head.replace(b"\r", b"\n") + tail
        *events, self._rest = text.split(b"\n\n")
        if len(self._rest) > _MOST_BYTES:
            raise EventTooLarge(f"an event of more than {_MOST_BYTES} bytes")
        return [data for event in events if (data := _data(event)) is not None]


def _data(event: bytes) -> bytes | None:
    """The data of one event; None when it has none, which dispatches nothing."""
    if event.startswith(b"data: ") and b"\n" not in event:  # what vLLM writes
        return event[6:]
    lines = [line[5:] for line in event.split(b"\n") if line.startswith(b"data:")]
    lines += [b"" for line in event.split(b"\n") if line == b"data"]
    return b"\n".join(line.removeprefix(b" ") for line in lines) if lines else None
