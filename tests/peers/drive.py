"""Drives a served worker as its own suite would."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
from cases import Case
from outcome import Outcome
from probes import probes_of

__all__ = ["drive"]

_TIMEOUT_S = 180.0


def drive(case: Case, address: str, folder: Path) -> list[Outcome]:
    """Run everything that a case consists of."""
    with httpx.Client(base_url=address, timeout=_TIMEOUT_S, trust_env=False) as client:
        match case.drive:
            case "test":
                return _call_test(case, client, folder)
            case "suites":
                return _ask_for_suites(case, client, folder)
        return [_probe(case, client)]


def _call_test(case: Case, client: httpx.Client, folder: Path) -> list[Outcome]:
    """The handler `test`; what pytest wrote down inside it counts for itself."""
    if (probes := probes_of(case.name, [])) and not _has_test(case):
        return [_probe(case, client)] if probes else []
    text = _text(client, "GET", "/", {"paddock-peers": "test"})
    results = folder / "results.xml"
    if results.exists():
        return _from_junit(case.name, results)
    outcome = Outcome(case.name)
    if text != "passed":
        return [outcome.fail("test", text)]
    outcome.passed = 1
    return [outcome]


def _has_test(case: Case) -> bool:
    tree = ast.parse(case.worker.files[case.worker.main].read_text())
    return any(getattr(node, "name", "") == "test" for node in ast.walk(tree))


def _from_junit(name: str, results: Path) -> list[Outcome]:
    outcomes: dict[str, Outcome] = {}
    for test in ElementTree.parse(results).iter("testcase"):
        file = test.get("classname", "").replace(".", "/") or test.get("name", "")
        outcome = outcomes.setdefault(file, Outcome(f"{Path(name).parent}/{file}.py"))
        problem = next((part for kind in ("failure", "error") if (part := test.find(kind)) is not None), None)
        if problem is not None:
            outcome.fail(test.get("name", ""), problem.get("message", "") + "\n" + (problem.text or ""))
        elif test.find("skipped") is not None:
            outcome.skipped += 1
        else:
            outcome.passed += 1
    return list(outcomes.values())


def _ask_for_suites(case: Case, client: httpx.Client, folder: Path) -> list[Outcome]:
    """`/run-tests/<suite>` for each file of tests beside the main module; the answer is a result for each test."""
    outcomes = []
    for file in sorted((folder / case.worker.main).parent.glob("test_*.py")):
        outcome = Outcome(f"{case.name}/{file.name}")
        outcomes.append(outcome)
        suite = file.stem.removeprefix("test_")
        reply = _send(client, "GET", f"/run-tests/{suite}", {})
        results: dict[str, Any] = reply.json() if isinstance(reply, httpx.Response) and reply.is_success else {}
        for test in _tests(file):
            result = results.get(test)
            if result is None:
                outcome.fail(test, "not in the results" if results else _shown(reply))
            elif result["status"] == "passed":
                outcome.passed += 1
            elif result["status"] == "skipped":
                outcome.skipped += 1
            else:
                outcome.fail(test, result.get("error", ""))
    return outcomes


def _tests(file: Path) -> list[str]:
    functions = (
        node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return [f.name.removeprefix("test_") for f in functions if f.name.startswith("test_")]


def _probe(case: Case, client: httpx.Client) -> Outcome:
    outcome = Outcome(case.name)
    for probe in probes_of(case.name, None):
        reply = _send(client, probe.method, probe.path, dict(probe.headers), probe.body)
        problem = (
            _shown(reply) if isinstance(reply, str) else probe.problem(reply.status_code, reply.headers, reply.text)
        )
        if problem:
            outcome.fail(f"{probe.method} {probe.path}", problem)
        else:
            outcome.passed += 1
    return outcome


def _text(client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> str:
    reply = _send(client, method, path, headers)
    return reply if isinstance(reply, str) else reply.text


def _send(
    client: httpx.Client, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> httpx.Response | str:
    try:
        return client.request(method, path, headers=headers, content=body)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"


def _shown(reply: httpx.Response | str) -> str:
    return reply if isinstance(reply, str) else f"{reply.status_code}: {reply.text}"
