"""What came of one file of somebody's, and the table of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Outcome", "markdown"]

_REASON_CHARACTERS = 160


@dataclass
class Outcome:
    """Of one file: how many of its tests passed, and the reasons of those that did not, by the test's name."""

    name: str
    passed: int = 0
    skipped: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def fail(self, test: str, reason: str) -> Outcome:
        """Note a failure, and say it at once."""
        self.failures[test] = reason
        print(f"  FAILED {self.name} {test}: {reason}", flush=True)
        return self


def markdown(outcomes: list[Outcome]) -> str:
    """One row for each file; equal reasons are counted."""
    rows = ["", "| file | passed | failed | why |", "|---|---|---|---|"]
    for outcome in outcomes:
        counts = Counter(map(_short, outcome.failures.values()))
        why = "; ".join(reason if count == 1 else f"{count} times: {reason}" for reason, count in counts.items())
        rows.append(f"| {outcome.name} | {outcome.passed} | {len(outcome.failures)} | {why} |")
    passed, failed = sum(o.passed for o in outcomes), sum(len(o.failures) for o in outcomes)
    return "\n".join([*rows, "", f"{passed} passed, {failed} failed in {len(outcomes)} files"])


def _short(reason: str) -> str:
    lines = [line for line in reason.strip().splitlines() if line.strip()] or [""]
    # A traceback says what happened in its last line, everything else in its first.
    line = lines[-1] if "Traceback (most" in reason else lines[0]
    return line.strip().replace("|", "\\|")[:_REASON_CHARACTERS]
