"""Made-up vectors that are near each other where texts share words, or parts of words: feature hashing.

Each word and each run of three letters of a word has a few places of its own in the vector, by its hash, with a sign.
So texts without a word in common stand nearly at right angles, plural and singular near each other, and the order of
words counts for little. Nothing is known of meanings: `boat` is as far from `ship` as from `tax`.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["text_vector", "unit_vector"]

_WORD: Final = re.compile(r"\w+")
_LETTERS: Final = 3
#: Words that texts share without being about the same.
_FREQUENT: Final = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by do does for from how i in is it its of on or that the this to was were what when "
        "where which who why with you",
    )
)
_FREQUENT_WEIGHT: Final = 0.1
#: Of all runs of letters of a word together, beside 1 for the word.
_LETTERS_WEIGHT: Final = 1.4
#: Of what only this very text has: texts with the same words are near each other, and not the same.
_OWN_WEIGHT: Final = 0.05
#: Places of one feature in the vector.
_PLACES: Final = 4
_PLACE_BYTES: Final = 4


def text_vector(text: str, dimensions: int, kind: str = "") -> list[float]:
    """A vector of length 1: the same for the same text and kind, near those of texts with the same words."""
    vector = [_OWN_WEIGHT * number for number in unit_vector(f"{kind}:{text}", dimensions)]
    for feature, weight in _features(text.lower()):
        for place in _places(feature):
            vector[(place >> 1) % dimensions] += weight if place & 1 else -weight
    length = math.hypot(*vector) or 1.0
    return [number / length for number in vector]


def unit_vector(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 that only this text has."""
    stream = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(4 * dimensions)
    numbers = [int.from_bytes(stream[at : at + 4]) / 2**31 - 1 for at in range(0, len(stream), 4)]
    length = math.hypot(*numbers) or 1.0
    return [number / length for number in numbers]


def _features(text: str) -> Iterator[tuple[str, float]]:
    """Words and runs of their letters, with how much each counts."""
    for word, count in Counter(_WORD.findall(text)).items():
        weight = math.sqrt(count) * (_FREQUENT_WEIGHT if word in _FREQUENT else 1.0)
        yield word, weight
        bounded = f"<{word}>"
        runs = [bounded[at : at + _LETTERS] for at in range(len(bounded) - _LETTERS + 1)]
        for run in runs:
            yield f"{run}*", weight * _LETTERS_WEIGHT / math.sqrt(len(runs))


@functools.lru_cache(maxsize=4096)
def _places(feature: str) -> tuple[int, ...]:
    digest = hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=_PLACES * _PLACE_BYTES).digest()
    return tuple(int.from_bytes(digest[at : at + _PLACE_BYTES]) for at in range(0, len(digest), _PLACE_BYTES))
