"""Tables of a run's raw lines: what was measured, ratios to both peers in the same round, and the targets row by row.

table.py FILE...
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from targets import PASSED_ON, TARGETS, Target

__all__ = ["show"]

Result = dict[str, Any]


class Case(NamedTuple):
    """What is comparable: the same load on the same model."""

    model: str
    streams: int
    streamed: bool
    rate: float

    def __str__(self) -> str:
        how = f"{self.rate:.0f} arrivals/s" if self.rate else f"{self.streams} streams"
        return f"{self.model}, {how}{'' if self.streamed else ', whole answers'}"


#: Seconds of CPU per 1,000 tokens.
_ROLES: Final = ("front", "isolate", "host", "core", "worker")
_HEAD: Final = ("", "tok/s", "TTFT p50", "p95", "pause p50", "p95")
#: Case -> contender -> round -> result.
Found = dict[Case, dict[str, dict[int, Result]]]


def read(files: Iterable[Path]) -> Found:
    """The results that are no errors."""
    found: Found = {}
    for file in files:
        for line in file.read_text().splitlines():
            result = json.loads(line)
            if "contender" in result and "error" not in result:
                case = Case(result["model"], result["streams"], result["streamed"], result["rate"])
                found.setdefault(case, {}).setdefault(result["contender"], {})[result["round"]] = result
    return found


def value(result: Result, name: str) -> float | None:
    """`tokens_per_s`, `ttft p95`, `cpu` of all processes, `cpu front`."""
    kind, _, detail = name.partition(" ")
    if kind == "cpu":
        seconds = result["cpu_s_per_1000"]
        return seconds.get(detail) if detail else sum(seconds.values())
    if kind == "tokens_per_s":
        return float(result["tokens_per_s"])
    measured = result.get(f"{kind}_ms", {}).get(detail)
    return None if measured is None else float(measured)


def median(results: dict[int, Result], name: str) -> float | None:
    values = [found for result in results.values() if (found := value(result, name)) is not None]
    return statistics.median(values) if values else None


def ratio(case: dict[str, dict[int, Result]], ours: str, peer: str, name: str) -> float | None:
    """The median of the ratios within each round."""
    rounds = case.get(ours, {}).keys() & case.get(peer, {}).keys()
    pairs = [(value(case[ours][number], name), value(case[peer][number], name)) for number in rounds]
    ratios = [mine / theirs for mine, theirs in pairs if mine is not None and theirs]
    return statistics.median(ratios) if ratios else None


def show(*files: Path) -> None:
    """Print everything as Markdown."""
    found = read(files)
    for case, contenders in sorted(found.items()):
        print(f"### {case}\n")
        _table((*_HEAD, *(f"CPU {role}" for role in _ROLES), "CPU all"), map(_row, contenders.items()))
    print("### Ratios to the peers, medians of the rounds\n")
    head = ("", "", "tok/s mp", "uni", "TTFT p50 mp", "uni", "TTFT p95 mp", "uni", "front CPU uni", "all CPU mp", "uni")
    _table(head, (row for case, contenders in sorted(found.items()) for row in _ratios(case, contenders)))
    print("### Targets\n")
    rows = [row for target in TARGETS for row in _judge(target, found)]
    _table(("target", "where", "wanted", "measured", ""), [*rows, *_passed_on(files)])


def _row(row: tuple[str, dict[int, Result]]) -> Sequence[str]:
    name, results = row
    seconds = [median(results, f"cpu {role}") for role in _ROLES]
    return (
        name,
        _text(median(results, "tokens_per_s"), "{:.0f}"),
        *(_text(median(results, name), "{:.1f}") for name in ("ttft p50", "ttft p95", "gap p50", "gap p95")),
        *(_text(found, "{:.4f}") for found in (*seconds, median(results, "cpu"))),
    )


def _ratios(case: Case, contenders: dict[str, dict[int, Result]]) -> Iterable[Sequence[str]]:
    for name in contenders:
        if name.startswith("vllm"):
            continue
        wanted = [(n, f"vllm-{p}") for n in ("tokens_per_s", "ttft p50", "ttft p95") for p in ("mp", "uni")]
        wanted += [("cpu front", "vllm-uni"), ("cpu", "vllm-mp"), ("cpu", "vllm-uni")]
        yield (str(case), name, *(_text(ratio(contenders, name, peer, n), "{:.2f}") for n, peer in wanted))


def _judge(target: Target, found: Found) -> Iterable[Sequence[str]]:
    """One row for each number of streams that the target speaks of."""
    for case, contenders in sorted(found.items()):
        bound = target.bounds.get(case.streams, target.bounds.get(0))
        if bound is None or case.rate or not case.streamed:
            continue
        measured = ratio(contenders, target.contender, target.peer, target.name)
        if measured is not None:
            is_met = measured >= bound if target.is_floor else measured <= bound
            sign = ">=" if target.is_floor else "<="
            yield target.text, str(case), f"{sign} {bound:g}", f"{measured:.4g}", "met" if is_met else "**missed**"


def _passed_on(files: Iterable[Path]) -> Iterable[Sequence[str]]:
    """The isolate's row, from measurements of its own."""
    results = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    seconds = [result["isolate_s_per_1000"] for result in results if "isolate_s_per_1000" in result]
    if seconds:
        measured = statistics.median(seconds)
        verdict = "met" if measured <= PASSED_ON else "**missed**"
        yield "isolate, s per 1,000 tokens of a stream handed on", "", f"<= {PASSED_ON:g}", f"{measured:.4g}", verdict


def _text(measured: float | None, form: str) -> str:
    return "" if measured is None else form.format(measured)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    cells: Callable[[Sequence[str]], str] = lambda row: f"| {' | '.join(row)} |"  # noqa: E731 - one use, in a table
    print(cells(head))
    print("|---" * len(head) + "|")
    for row in rows:
        print(cells(row))
    print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="+")
    show(*parser.parse_args().files)
