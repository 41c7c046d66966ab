"""Values and patterns as JavaScript prints and reads them."""

import pytest

from paddock.bindings.ai.javascript import js_regex, js_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (None, "null"),
        (9999999999, "9999999999"),
        (5.0, "5"),
        (0.001, "0.001"),
        (0.00001, "0.00001"),
        (-0.000012, "-0.000012"),
        (0.0000001, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (1e21, "1e+21"),
        (10**22, "1e+22"),
        (10**400, "Infinity"),
        (float("nan"), "NaN"),
        (["a", None, 1], "a,,1"),
        ([[1, [2, []]], [], None], "1,2,,,"),
        ({"a": 1}, "[object Object]"),
    ],
)
def test_text_of_values(value: object, text: str) -> None:
    assert js_text(value) == text


def test_text_of_a_list_that_is_nested_deeper_than_the_stack() -> None:
    nested: list[object] = [1]
    for _ in range(5000):
        nested = [nested, 2]
    assert js_text(nested) == "1" + ",2" * 5000


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("^a$", "a", True),
        ("^a$", "a\n", False),
        (r"^\$[$]$", "$$", True),
        (r"^\d$", "\N{ARABIC-INDIC DIGIT ONE}", False),
        ("(?<year>[0-9]{4})", "in 2024", True),
        ("(?<=a)b", "ab", True),
        (r"\/x", "/x", True),
    ],
)
def test_patterns(pattern: str, text: str, is_found: bool) -> None:
    regex = js_regex(pattern)
    assert regex is not None
    assert (regex.search(text) is not None) == is_found


def test_a_broken_pattern_is_none() -> None:
    assert js_regex("(") is None
