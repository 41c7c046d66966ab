"""What happened in a test, in order: requests and events, calls of models, requests to elsewhere, and printed lines."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Span", "Timeline"]

#: Of one entry.
_CHARACTERS = 300


class Span:
    """Something that takes time. What it came to is shown behind it."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
        self.outcome = "has not ended"
        self.began = time.perf_counter()
        self.took_s: float | None = None

    def end(self, outcome: str) -> None:
        """It is over."""
        self.outcome = outcome
        self.took_s = time.perf_counter() - self.began


class Timeline:
    """The entries of one test."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._spans: list[Span] = []

    def begin(self, kind: str, text: str) -> Span:
        """Something begins."""
        span = Span(kind, text)
        self._spans.append(span)
        return span

    @contextlib.contextmanager
    def spans(self, kind: str, text: str) -> Iterator[Span]:
        """Something that the block does; what the block raises is what it came to."""
        span = self.begin(kind, text)
        try:
            yield span
        except BaseException as error:
            span.end(f"{type(error).__name__}: {error}")
            raise

    def note(self, kind: str, text: str) -> None:
        """Something that takes no time."""
        self.begin(kind, text).end("")

    def __str__(self) -> str:
        return "\n".join(self._line(span) for span in self._spans)

    def _line(self, span: Span) -> str:
        took = f" in {span.took_s * 1e3:.1f} ms" if span.took_s is not None and span.outcome else ""
        outcome = f" -> {span.outcome}" if span.outcome else ""
        text = f"{span.text}{outcome}".replace("\n", "\\n")
        shown = text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}..."
        return f"{(span.began - self._began) * 1e3:9.1f} ms  {span.kind:<8} {shown}{took}"
