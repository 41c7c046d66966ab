"""Tokens with times, as words with times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paddock.bindings.ai.engines.work import Word

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["words_of"]


def words_of(
    tokenizer: Any, ids: Sequence[int], times: Sequence[float], within: tuple[float, float], first_time: int
) -> tuple[Word, ...]:
    """The words of a segment. A word begins with a space, ends where the next one begins, and lies within the segment.

    `times` has the beginning of each token, in seconds; without times there are no words. Ids from `first_time` on are
    times that the model wrote, no text.
    """
    start, end = within
    begun: list[tuple[list[int], float]] = []
    for id, time in zip(ids, times, strict=False):
        if id >= first_time or id in tokenizer.all_special_ids:
            continue
        # The space is a letter of its own in the byte-level alphabet.
        if not begun or tokenizer.convert_ids_to_tokens(id).startswith("\u0120"):
            begun.append(([], min(max(time, start), end)))
        begun[-1][0].append(id)
    ends = [time for _, time in begun[1:]] + [end]
    texts = [tokenizer.decode(pieces).strip() for pieces, _ in begun]
    return tuple(
        Word(text, time, max(time, last)) for text, (_, time), last in zip(texts, begun, ends, strict=True) if text
    )
