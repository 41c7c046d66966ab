"""Handlers in the process of the tests. Whole runs of pytest, in processes that `js` and `pyodide` may come into."""

import sys
from pathlib import Path

import pytest

HANDLER = """
from workers import Response, WorkerEntrypoint

class Full(Exception):
    def __init__(self, cup, tea): super().__init__(cup); self.tea = tea

def temperature():
    return 80

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("asked")
        if request.url.endswith("/full"):
            raise Full("mine", object())
        if request.url.endswith("/later"):
            async def later():
                raise LookupError("nobody is there")
            self.ctx.waitUntil(later())
        said = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "Hi"})
        await self.env.NOTES.put("a", str(temperature()))
        return Response(f"{await self.env.NOTES.get('a')} {said['response']}")
"""
CONFIG = """
name = "kettle"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
kv_namespaces = [{ binding = "NOTES", id = "x" }]
[ai]
binding = "AI"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    Path(pytester.path, "handler.py").write_text(HANDLER)
    Path(pytester.path, "wrangler-like.toml").write_text(CONFIG)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:asyncio", "-p", "no:cacheprovider", *options)


def test_the_handler_is_in_the_tests_process(project: pytest.Pytester) -> None:
    """DT-040"""
    project.makepyfile(
        """
        import sys
        import pytest

        def test_answers(client, ai, capsys):
            ai.reply("Tea.")
            assert client.get("/").text == "80 Tea."
            assert capsys.readouterr().out == "asked\\n"

        def test_can_be_patched(client, ai, monkeypatch):
            monkeypatch.setattr("handler.temperature", lambda: 20)
            ai.reply("Tea.")
            assert client.get("/").text == "20 Tea."

        def test_raises_the_very_exception(worker):
            with pytest.raises(sys.modules["handler"].Full) as caught:
                worker.fetch("/full").result()
            assert type(caught.value.tea) is object
            assert caught.traceback[-1].frame.f_locals["request"].url.endswith("/full")

        def test_background_work_too(worker):
            worker.fetch("/later").result()
            with pytest.raises(LookupError):
                worker.ctx.drain().result()

        @pytest.mark.paddock(vars={"OTHER": 1})
        def test_another_worker(client, ai, env):
            ai.reply("Tea.")
            assert client.get("/").text == "80 Tea."
            assert env.OTHER == 1
        """
    )
    run(project, "--paddock-in-process").assert_outcomes(passed=5)


def test_a_debugger_finds_the_handlers_variables(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_full(client):
            client.get("/full")
        """
    )
    result = project.run(
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:asyncio",
        "--paddock-in-process",
        "--pdb",
        stdin=b"p request.url\nq\n",
    )
    result.stdout.fnmatch_lines(["*handler.py(*)fetch()", "*http://worker.test/full*"])


@pytest.mark.parametrize("mode", [(), ("--paddock-in-process",)], ids=["process", "in-process"])
def test_coverage_of_handlers(project: pytest.Pytester, mode: tuple[str, ...]) -> None:
    project.makepyfile(
        """
        def test_answers(client):
            assert client.get("/").status_code == 200
        """
    )
    Path(project.path, ".coveragerc").write_text(
        "[run]\nsource = .\nconcurrency = thread, greenlet\nparallel = true\npatch = subprocess\n"
    )
    python = sys.executable
    project.run(python, "-m", "coverage", "run", "-m", "pytest", "-p", "no:asyncio", *mode).assert_outcomes(passed=1)
    project.run(python, "-m", "coverage", "combine")
    shown = project.run(python, "-m", "coverage", "report", "-m", "--include=handler.py")
    missing = [n for n, line in enumerate(HANDLER.splitlines(), 1) if "raise " in line or "later" in line]
    shown.stdout.re_match_lines([rf"handler\.py .* {missing[0]}.*"])
