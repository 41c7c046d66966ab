"""Prints what `make test-clients` found, client by client, as the table of tests/README.md.

    python report.py results.xml

The results are pytest's in JUnit's form, with what `conftest.py` records. A client that cannot do something is a strict
xfail in the tests and counts as failed here, with its reason below the table.
"""

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

INSTALLED = Path(__file__).parents[3] / ".cache" / "clients"
HEAD = """\
| client | release | real engine | scripted | failed | what |
|---|---|---|---|---|---|
"""


def release(package: str) -> str:
    """The installed release; npm's when there are both and nothing says which."""
    name, _, registry = package.partition(" ")
    for folder in (INSTALLED, INSTALLED / "promptfoo"):
        file = folder / "node_modules" / name / "package.json"
        if file.exists() and registry != "(Python)":
            return str(json.loads(file.read_text())["version"])
    wanted = name.replace("-", "_").lower()
    found = INSTALLED.glob(f"*/lib/*/site-packages/{wanted}-*.dist-info")
    return next((folder.name.split("-")[1].removesuffix(".dist") for folder in found), "?")


def outcome(case: ElementTree.Element) -> str:
    """`passed`, `failed` or `skipped`; an expected failure is a failure of the client's."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    skipped = case.find("skipped")
    if skipped is None:
        return "passed"
    return "failed" if skipped.get("type") == "pytest.xfail" else "skipped"


def reason(case: ElementTree.Element) -> str:
    """Why it failed, in one line."""
    for kind in ("skipped", "failure", "error"):
        if (found := case.find(kind)) is not None:
            return re.sub(r"\s+", " ", found.get("message", ""))[:200]
    return ""


def table(cases: Iterable[ElementTree.Element]) -> str:
    """The table, and the reasons."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    reasons: dict[str, None] = {}
    for case in cases:
        properties = {item.get("name"): item.get("value", "") for item in case.iter("property")}
        packages = properties.get("packages", "")
        if not packages:
            continue
        row = counts[packages, properties["what"]]
        found = outcome(case)
        row[properties["engine"] if found == "passed" else found] += 1
        if found == "failed":
            test = case.get("name", "").partition("[")[0].removeprefix("test_").replace("_", " ")
            reasons[f"- {packages.replace(';', ', ')}: {test}: {reason(case)}"] = None
    lines = [
        f"| {', '.join(packages.split(';'))} | {', '.join(map(release, packages.split(';')))} "
        f"| {row['real']} | {row['scripted']} | {row['failed']} | {what} |"
        for (packages, what), row in sorted(counts.items())
    ]
    skipped = sum(row["skipped"] for row in counts.values())
    notes = [*reasons, *([f"- {skipped} skipped"] if skipped else [])]
    return HEAD + "\n".join([*lines, "", *notes])


if __name__ == "__main__":
    print(table(ElementTree.parse(sys.argv[1]).iter("testcase")))  # noqa: T201 - it talks to a person
