"""Made-up vectors: nearer where texts share more."""

import math
import subprocess
import sys

import pytest

from paddock.bindings.ai.engines.resemblance import text_vector

DIMENSIONS = (384, 768, 1024)


def cosine(one: str, other: str, dimensions: int) -> float:
    return sum(a * b for a, b in zip(text_vector(one, dimensions), text_vector(other, dimensions), strict=True))


@pytest.mark.parametrize("dimensions", DIMENSIONS)
@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("lighthouse keeper", "the keeper of the lighthouse", "tax form"),
        ("lighthouse keeper", "keepers of lighthouses", "tax form"),
        ("lighthouse keeper", "A lighthouse stands by the sea.", "The form of the tax is due by the end of May."),
        ("Who lights the lamp?", "The keeper lights the lamp at dusk.", "The tax is due in May."),
        ("der Leuchtturm", "Leuchttürme", "die Steuer"),
        ("灯台守", "灯台守の仕事", "税金の書類"),
        ("the cat", "a cat", "the dog"),
    ],
)
def test_texts_that_share_words_are_nearer(text: str, near: str, far: str, dimensions: int) -> None:
    """DT-071"""
    assert cosine(text, near, dimensions) > cosine(text, far, dimensions) + 0.1


@pytest.mark.parametrize("text", ["", " ", "...", "a", "\ud800", "x" * 10_000, "a b", "b a", "A b"])
def test_any_text_has_a_vector_of_length_1_of_its_own(text: str) -> None:
    """DT-071"""
    vector = text_vector(text, 384)
    assert math.hypot(*vector) == pytest.approx(1)
    assert vector == text_vector(text, 384) != text_vector(f"{text} ", 384)
    assert vector != text_vector(text, 384, "cls")


def test_another_process_makes_the_same() -> None:
    """DT-070"""
    program = "from paddock.bindings.ai.engines.resemblance import text_vector; print(text_vector('a cat', 8))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(text_vector("a cat", 8))
