"""Tokens to text, piece by piece, up to the first stop string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Spelling"]


class Spelling:
    """The text of one answer while it is written. `native` is the tokenizer's own part, of the package tokenizers."""

    def __init__(self, native: Any, stop: Sequence[str], *, skips_special: bool) -> None:
        from tokenizers.decoders import DecodeStream

        self._native = native
        self._stream = DecodeStream(skip_special_tokens=skips_special)
        self._stop = stop
        #: What may be the beginning of a stop string, and is not said yet.
        self._held = ""
        self._most_held = max(map(len, stop), default=1) - 1
        #: True when a stop string was met: the answer ends before it.
        self.is_stopped = False

    def add(self, id: int) -> str:
        """What can be said after this token; empty while a character, or a stop string, may be incomplete."""
        self._held += self._stream.step(self._native, id) or ""
        found = [at for word in self._stop if (at := self._held.find(word)) >= 0]
        if found:
            self.is_stopped = True
            said, self._held = self._held[: min(found)], ""
            return said
        kept = len(self._held) - self._most_held
        said, self._held = self._held[: max(kept, 0)], self._held[max(kept, 0) :]
        return said

    def rest(self) -> str:
        """What was held, when no token follows."""
        said, self._held = self._held, ""
        return said
