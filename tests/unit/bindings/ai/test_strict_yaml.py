"""YAML that anybody may drop into a folder: only plain data comes out, and problems name their line."""

import pytest

from paddock.bindings.ai.strict_yaml import MAX_DEPTH, YamlProblem, parse_yaml


def _problem(text: str) -> YamlProblem:
    with pytest.raises(YamlProblem) as caught:
        parse_yaml(text)
    return caught.value


def test_plain_values_keep_their_types() -> None:
    text = 'a: 1\nb: 1.5\nc: true\nd: ~\ne: "true"\nf: [x, {g: y}]\n'
    assert parse_yaml(text) == {"a": 1, "b": 1.5, "c": True, "d": None, "e": "true", "f": ["x", {"g": "y"}]}


def test_empty_text_is_none() -> None:
    assert parse_yaml("\n# nothing\n") is None


def test_dates_stay_text() -> None:
    assert parse_yaml("when: 2025-10-01\n") == {"when": "2025-10-01"}


def test_a_block_keeps_comments_quotes_and_colons() -> None:
    """WA-010: yaml inside yaml stays a string."""
    assert parse_yaml('config: |\n  limit: "60" # per minute\n  x: y\n') == {
        "config": 'limit: "60" # per minute\nx: y\n'
    }


def test_duplicate_key_names_place_and_both_lines() -> None:
    """WA-014"""
    problem = _problem("model:\n  task:\n    - id: a\n      id: b\n")
    assert (problem.key, problem.line) == ("model.task[0].id", 4)
    assert "first in line 3" in str(problem)


def test_the_same_key_in_two_mappings_is_no_duplicate() -> None:
    assert parse_yaml("[{a: 1}, {a: 2}]") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("a: !!python/object/apply:os.getcwd []\n", "tags"),
        ("a: !!binary eA==\n", "tags"),
        ("a: 1\n---\nb: 2\n", "one document"),
        ("{[1]: 2}", "text key"),
        ("yes: 1", "quote it"),
        ("a: .inf", "finite"),
        ("a: " + "1" * 5000, "digits"),
        ("a: \x00", "control characters"),
        ('a: "open', "unexpected end"),
    ],
)
def test_more_than_plain_data_is_refused(text: str, words: str) -> None:
    assert words in str(_problem(text))


def test_deep_nesting_is_refused_and_ends_no_process() -> None:
    """PyYAML's composer would overflow the C stack on the second text; from 6.0.4 on its parser refuses it itself."""
    assert str(MAX_DEPTH) in str(_problem("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)))
    assert "nesting" in str(_problem("[" * 200_000 + "]" * 200_000))


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
