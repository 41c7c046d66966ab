"""Marks among what a handler prints: how the kit knows that it has heard all that came before."""

from __future__ import annotations

import asyncio
import contextlib
import uuid

__all__ = ["PrintMark"]


class PrintMark:
    """A line that the isolate prints on both of its streams: all that was printed before has been heard then."""

    def __init__(self) -> None:
        self.text = f"paddock-testing-{uuid.uuid4().hex}"
        self._open = {"stdout", "stderr"}
        self._seen = asyncio.Event()

    def is_in(self, stream: str, line: str) -> bool:
        """Whether the line is the mark."""
        if line != self.text:
            return False
        self._open.discard(stream)
        if not self._open:
            self._seen.set()
        return True

    async def seen(self, timeout_s: float) -> None:
        """Return when it was heard on both; a handler may have closed one, so not later than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._seen.wait()
