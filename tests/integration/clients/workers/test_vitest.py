"""Vitest runs a Worker's tests in workerd, with Paddock as its AI binding."""

import json
from pathlib import Path

import pytest

from paddock.worker.relay import PREFIX

FILES = Path(__file__).parent / "vitest"
NAMES = {
    "the binding answers",
    "the Worker streams",
    "a failure is production's exception",
    "the catalog is listed",
}


@pytest.mark.parametrize(
    "package",
    [
        pytest.param(name, marks=pytest.mark.clients(name, what="a Worker's tests with `remoteBindings: false`"))
        for name in ("@cloudflare/vitest-pool-workers", "@cloudflare/vitest-plugin")
    ],
)
@pytest.mark.parametrize("place", ["", PREFIX])
def test_the_tests_of_a_worker_pass(project_of, run, real, package: str, place: str) -> None:
    folder = project_of(sorted(FILES.glob("*.mjs")), "vitest", package)
    command = ["node_modules/.bin/vitest", "run", "--reporter=json", "--outputFile=report.json"]
    ended = run(command, folder, TESTER=package, PADDOCK=real + place)
    assert ended.code == 0, ended.out + ended.err
    report = json.loads((folder / "report.json").read_text())
    passed = {test["title"] for file in report["testResults"] for test in file["assertionResults"]}
    assert (report["success"], passed) == (True, NAMES)
