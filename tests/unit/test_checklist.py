"""The checklist numbers in the tests, and what bindings/FIDELITY.md says of them."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKLIST = runpy.run_path(str(ROOT / "tests" / "checklist.py"))


def test_the_page_tells_what_is_covered_and_why_the_rest_is_not() -> None:
    """`make checklist ARGS=--write` corrects what needs no reason."""
    assert CHECKLIST["faults"](CHECKLIST["PAGE"].read_text(), CHECKLIST["numbers_by_test"]()) == []


@pytest.mark.parametrize(
    ("docstring", "numbers"),
    [
        ("WA-017", {"WA-017"}),
        ("WA-023 to WA-025, PW-001: why.", {"WA-023", "WA-024", "WA-025", "PW-001"}),
        ("as in RFC-123", set()),
    ],
)
def test_numbers_are_read_alone_and_in_ranges(docstring: str, numbers: set[str]) -> None:
    assert CHECKLIST["named_numbers"](docstring) == numbers


@pytest.mark.parametrize("docstring", ["WA-017, 019", "WA-078 to 081", "WA-151", "WA-149 to WA-151"])
def test_shorthand_and_unknown_numbers_are_refused(docstring: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        CHECKLIST["named_numbers"](docstring)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("WA numbers covered: 148 of 150\n| WA-002 | x | y |", "expected `WA numbers covered: 149 of 150`"),
        ("WA numbers covered: 149 of 150\n| WA-001, WA-002 | x | y |", "WA-001 is listed as missing, and a test"),
        ("WA numbers covered: 149 of 150", "WA-002 has no test and no row"),
        ("PW numbers covered: 166 of 167", "expected `PW numbers covered: 167 of 167`; got `PW numbers covered: 166"),
        ("| PW-009 | x | y |", "PW-009 is listed as missing, and a test"),
        ("| DT-001 to DT-128 | x | y |", "DT-129 has no test and no row"),
        ("WA numbers covered: 149 of 150\n| WA-002 | x | y |\n| WA-002 | x | y |", "a number stands in two rows"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(text: str, problem: str) -> None:
    by_test = {"unit/test_x.py::test_y": CHECKLIST["named_numbers"]("WA-001, WA-003 to WA-150, PW-001 to PW-167")}
    assert any(problem in found for found in CHECKLIST["faults"](text, by_test))


def test_what_is_covered_by_now_leaves_the_page() -> None:
    page = (
        "- WA numbers covered: 1 of 150\n\n| numbers | what | why |\n|---|---|---|\n"
        "| WA-001 to WA-005 | x | y |\n| WA-008 | gone | y |\n| DT-001 | z | y |\n"
    )
    by_test = {"unit/test_x.py::test_y": CHECKLIST["named_numbers"]("WA-003, WA-008")}
    assert CHECKLIST["corrected"](page, by_test) == (
        "- WA numbers covered: 2 of 150\n\n| numbers | what | why |\n|---|---|---|\n"
        "| WA-001, WA-002, WA-004, WA-005 | x | y |\n| DT-001 | z | y |\n"
    )
