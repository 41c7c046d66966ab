"""What an event did so far, for the page that shows how it failed: what it printed, and what it asked models.

Kept with the event and forgotten with it.
"""

from __future__ import annotations

import sys
from collections import deque
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TextIO

from paddock.worker.outputlines import marked

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AiCall", "Notes", "begin", "current", "note_call", "record_output"]

_LINES: Final = 50
#: Of one line, and of the inputs of one call.
_CHARACTERS: Final = 4000
_CALLS: Final = 50


class AiCall:
    """A call of `env.AI.run`. `answer` is what the handler got; None until then."""

    def __init__(self, model: str, inputs: str) -> None:
        self.model = model
        self.inputs = inputs[:_CHARACTERS]
        self.answer: object = None


class Notes:
    """Of one event. The oldest go when there are many."""

    def __init__(self, request_id: str = "") -> None:
        #: By which its lines are marked; empty for no marks.
        self.request_id = request_id
        self.calls: deque[AiCall] = deque(maxlen=_CALLS)
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._begun = ""

    def printed(self, text: str) -> None:
        """A piece of output: part of a line, or several."""
        *lines, rest = text.split("\n")
        for line in lines:
            self._lines.append((self._begun + line)[:_CHARACTERS])
            self._begun = ""
        self._begun = (self._begun + rest)[:_CHARACTERS]

    def lines(self) -> list[str]:
        """The end of what it printed, oldest line first."""
        return [*self._lines, self._begun] if self._begun else list(self._lines)


_notes: Final[ContextVar[Notes]] = ContextVar("notes")


def begin(request_id: str = "") -> Notes:
    """Notes for the event that begins in this context."""
    notes = Notes(request_id)
    _notes.set(notes)
    return notes


def current() -> Notes | None:
    """Those of the event on whose behalf code runs; None outside of events."""
    return _notes.get(None)


def note_call(model: str, inputs: str) -> AiCall:
    """A call that begins, noted with its event."""
    call = AiCall(model, inputs)
    if (notes := _notes.get(None)) is not None:
        notes.calls.append(call)
    return call


def record_output() -> None:
    """From now on, note what is written to standard output and error; it goes where it went."""
    for stream in (sys.stdout, sys.stderr):
        stream.write = _noting(stream)  # type: ignore[method-assign]  # print and logging look it up on the object


def _noting(stream: TextIO) -> Callable[[str], int]:
    write = stream.write
    is_at_start = True

    def noting(text: str) -> int:
        nonlocal is_at_start
        notes = _notes.get(None)
        if notes is None or not notes.request_id or not isinstance(text, str):
            write(text)  # first: it refuses what is no text
        else:
            write(marked(text, notes.request_id, is_at_start=is_at_start))
        is_at_start = text.endswith("\n") if text else is_at_start
        if notes is not None:
            notes.printed(text)
        return len(text)

    return noting
