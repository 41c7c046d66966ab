"""Which numbers of the checklists stand in the docstrings of tests, and which do not.

    .venv/bin/python tests/checklist.py          prints the counts; ends with 1 when bindings/FIDELITY.md says otherwise
    .venv/bin/python tests/checklist.py --write  corrects its counts, and takes what is covered by now out of its table

A number counts where the docstring of a test function has it, alone (`WA-017`) or as the end of a range (`WA-023 to
WA-027`). The page's table has every number that no test covers, with the reason.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Final

__all__ = ["PAGE", "TOTALS", "corrected", "faults", "main", "named_numbers", "numbers_by_test", "shown"]

ROOT: Final = Path(__file__).resolve().parents[1]
#: What accounts for every number.
PAGE: Final = ROOT / "bindings" / "FIDELITY.md"
#: Numbers of each list: 001 to here. WA is Workers AI, PW are Python Workers, DT is developing and testing.
TOTALS: Final = {"WA": 150, "PW": 167, "DT": 129}
#: Folders whose tests need more than `make test` installs everywhere.
SPECIAL: Final = {"engine": "the real engine", "integration/clients": "published clients"}
_RANGE: Final = re.compile(r"\b([A-Z]{2})-(\d{3})(?: to \1-(\d{3}))?\b")
#: What looks as if it named a number and is not counted: the second half of `WA-017, 019`, or of `WA-078 to 081`.
_SHORTHAND: Final = re.compile(r"\b[A-Z]{2}-\d{3}(?:,| to| and) \d{3}\b")
_ROW: Final = re.compile(r"^\| ((?:WA|PW|DT)-[^|]*?) \| ([^|]+?) \| ([^|]+?) \|$\n?", re.MULTILINE)


def named_numbers(text: str) -> set[str]:
    """Every number in a text, ranges written out. Raises ValueError for shorthand and for numbers of no list."""
    if match := _SHORTHAND.search(text):
        raise ValueError(f"expected full numbers (WA-017, WA-019; WA-023 to WA-027); got {match[0]!r}")
    found = {
        f"{prefix}-{number:03}"
        for prefix, first, last in _RANGE.findall(text)
        for number in range(int(first), int(last or first) + 1)
        if prefix in TOTALS
    }
    if unknown := found - {name for prefix in TOTALS for name in _all(prefix)}:
        raise ValueError(f"expected numbers of the checklists; got {', '.join(sorted(unknown))}")
    return found


def numbers_by_test() -> dict[str, set[str]]:
    """Test function (`folder/file.py::name`) -> the numbers in its docstring."""
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                name = f"{file.relative_to(ROOT / 'tests')}::{node.name}"
                try:
                    found[name] = named_numbers(ast.get_docstring(node) or "")
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from error
    return found


def shown(by_test: dict[str, set[str]]) -> str:
    """A few lines for each list: how many are covered, which only by special tests, which not at all."""
    lines = []
    for prefix, total in TOTALS.items():
        covered = _covered(by_test, prefix)
        lines.append(f"{prefix}: {len(covered)} of {total} covered")
        elsewhere = {name: ns for name, ns in by_test.items() if not name.startswith(tuple(SPECIAL))}
        for folder, words in SPECIAL.items():
            special = {name: ns for name, ns in by_test.items() if name.startswith(folder)}
            if only := _covered(special, prefix) - _covered(elsewhere, prefix):
                lines.append(f"  only with {words}: {_listed(only)}")
        if missing := _all(prefix) - covered:
            lines.append(f"  missing: {_listed(missing)}")
    return "\n".join(lines)


def faults(page: str, by_test: dict[str, set[str]]) -> list[str]:
    """What the page says wrongly of the numbers; empty when it is right."""
    rows = [named_numbers(numbers) for numbers, _, _ in _ROW.findall(page)]
    listed = set().union(*rows)
    problems = ["a number stands in two rows"] if sum(map(len, rows)) != len(listed) else []
    for prefix in TOTALS:
        covered = _covered(by_test, prefix)
        right = _count(prefix, covered)
        claim = re.search(rf"{prefix} numbers covered: \d+ of \d+", page)
        if claim is None or claim[0] != right:
            problems.append(f"expected `{right}`; got `{claim[0] if claim else 'nothing'}`")
        problems += [f"{number} is listed as missing, and a test names it" for number in sorted(covered & listed)]
        missing = _all(prefix) - covered - listed
        problems += [f"{number} has no test and no row with the reason" for number in sorted(missing)]
    return problems


def corrected(page: str, by_test: dict[str, set[str]]) -> str:
    """The page with the right counts, and without what is covered in its table. New rows need a person."""
    every: set[str] = set().union(*by_test.values())
    for prefix in TOTALS:
        page = re.sub(rf"{prefix} numbers covered: \d+ of \d+", _count(prefix, _covered(by_test, prefix)), page)

    def row(match: re.Match[str]) -> str:
        left = named_numbers(match[1]) - every
        return match[0].replace(match[1], _listed(left), 1) if left else ""

    return _ROW.sub(row, page)


def main(arguments: list[str]) -> int:
    """Print what is covered, and what the page says wrongly of it. Returns the exit code."""
    by_test = numbers_by_test()
    print(shown(by_test))  # noqa: T201 - a script that talks to a person
    if "--write" in arguments:
        PAGE.write_text(corrected(PAGE.read_text(), by_test))
    problems = faults(PAGE.read_text(), by_test)
    for problem in problems:
        print(f"{PAGE.name}: {problem}", file=sys.stderr)  # noqa: T201 - as above
    return 1 if problems else 0


def _count(prefix: str, covered: set[str]) -> str:
    return f"{prefix} numbers covered: {len(covered)} of {TOTALS[prefix]}"


def _all(prefix: str) -> set[str]:
    return {f"{prefix}-{number:03}" for number in range(1, TOTALS[prefix] + 1)}


def _covered(by_test: dict[str, set[str]], prefix: str) -> set[str]:
    return {number for numbers in by_test.values() for number in numbers if number.startswith(prefix)}


def _listed(numbers: set[str]) -> str:
    """Numbers in their order, three and more in a row as a range."""
    runs: list[list[str]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == f"{number[:3]}{int(number[3:]) - 1:03}":
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
