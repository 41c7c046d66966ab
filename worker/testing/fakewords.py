"""Text for fake answers: sentences that depend on nothing but their random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

__all__ = ["sentences", "word"]

_NAMES: Final = ("harbour", "lantern", "meadow", "orchard", "kettle", "pebble", "willow", "cabin", "ferry", "market")
_QUALITIES: Final = ("quiet", "amber", "early", "narrow", "patient", "round", "silver", "gentle", "bright", "plain")
_VERBS: Final = ("holds", "carries", "follows", "mends", "counts", "answers", "crosses", "keeps", "finds", "paints")
_PLACES: Final = ("by the river", "before noon", "in the north", "after the rain", "without a sound", "near the mill")


def word(random: Random) -> str:
    """One word."""
    return random.choice(_NAMES)


def sentences(random: Random) -> str:
    """One to three sentences."""
    return " ".join(_sentence(random) for _ in range(random.randint(1, 3)))


def _sentence(random: Random) -> str:
    subject = f"The {random.choice(_QUALITIES)} {random.choice(_NAMES)}"
    return f"{subject} {random.choice(_VERBS)} the {random.choice(_NAMES)} {random.choice(_PLACES)}."
