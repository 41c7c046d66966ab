"""Results of work that no model has done: for engines without one.

The scripted engine answers with these, and so may every other fake: the same text has the same vector everywhere, and
texts with the same words have vectors that are near each other (`resemblance.py`).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from paddock.bindings.ai.engines.resemblance import text_vector, unit_vector
from paddock.bindings.ai.engines.work import Describing, Heard, Listening, Pooled, Rewriting, Segment, Word, Written

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.work import Result, Work

__all__ = ["made_up"]

#: Length of a vector where the model's file says none.
_DIMENSIONS: Final = 8
#: What a classifier of made-up scores tells apart.
_LABELS: Final = ("NEGATIVE", "POSITIVE")


def made_up(work: Work) -> Result:
    """A result of the right shape: equal for equal work. Vectors and scores of pairs go by shared words."""
    if isinstance(work, Listening):
        return _heard(work)
    if isinstance(work, Describing):
        return Written(f"A picture of {len(work.image)} bytes.")
    if isinstance(work, Rewriting):
        return Written(" ".join(filter(None, (work.target, *work.text.split()[: work.max_tokens]))))
    if work.kind == "embed":
        size = work.dimensions or _DIMENSIONS
        rows = [text_vector(text, size, str(work.pooling)) for text in work.texts]
        return _pooled(rows, size)
    if work.query is not None:
        return _pooled([[_likeness(work.query, text)] for text in work.texts], 1)
    shares = [_share(text) for text in work.texts]
    return _pooled([[1 - share, share] for share in shares], 2, _LABELS)


def _heard(work: Listening) -> Heard:
    """One word for each kilobyte that was begun, a second each."""
    words = tuple(Word(f"word{at}", float(at), at + 1.0) for at in range(-(-len(work.audio) // 1024)))
    text = " ".join(word.word for word in words)
    segments = (Segment(0.0, float(len(words)), text, 0.0, 1.0, 0.0, words),) if words else ()
    return Heard(work.language or "en", 1.0, float(len(words)), segments)


def _likeness(query: str, text: str) -> float:
    """The share of the query's words that a text has; between equals, a number of its own decides."""
    words, there = query.lower().split(), set(text.lower().split())
    share = sum(word in there for word in words) / max(1, len(words))
    return (99 * share + _share(f"{query}\n{text}")) / 100


def _share(text: str) -> float:
    """A number between 0 and 1."""
    return (unit_vector(text, 2)[0] + 1) / 2


def _pooled(rows: list[list[float]], columns: int, labels: tuple[str, ...] = ()) -> Pooled:
    data = array("f", [number for row in rows for number in row]).tobytes()
    return Pooled(len(rows), columns, data, labels)
