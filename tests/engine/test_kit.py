"""The test kit with the real engine: recorded once, replayed with the engine off, and asked directly."""

import os
import select
from pathlib import Path

import pytest

HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        is_stream = request.url.endswith("/stream")
        asked = {"prompt": "Tell me about lighthouses.", "max_tokens": 12, "seed": 1, "stream": is_stream}
        answer = await self.env.AI.run("@cf/microsoft/phi-2", asked)
        return Response(answer) if is_stream else Response.json(answer)
"""
CONFIG = """
name = "kettle"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
[ai]
binding = "AI"
{engine}
"""
OFF = '[paddock.engine]\nkind = "off"'
TESTS = """
import pytest
from paddock.worker.testing import JsException

def test_whole(client, ai):
    assert client.get("/").json()["usage"]["completion_tokens"] == ai.usage.completion_tokens > 0

def test_vectors(env):
    answer = env.AI.run("@cf/baai/bge-small-en-v1.5", {"text": ["a lighthouse", "a ship"]}).result()
    assert answer["shape"] == [2, len(answer["data"][0])]

def test_stream(client):
    assert client.get("/stream").text.endswith("data: [DONE]\\n\\n")

def test_inputs_are_checked(env):
    with pytest.raises(JsException, match="AiError: 5006: Error: .*max_tokens"):
        env.AI.run("@cf/microsoft/phi-2", {"prompt": "x", "max_tokens": "many"}).result()
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    Path(pytester.path, "handler.py").write_text(HANDLER)
    Path(pytester.path, "wrangler-like.toml").write_text(CONFIG.format(engine=""))
    pytester.makepyfile(TESTS)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:asyncio", "-p", "no:cacheprovider", "-W", "error", *options)


def test_recorded_once_and_replayed_with_the_engine_off(project: pytest.Pytester) -> None:
    """DT-072, DT-080, DT-092"""
    run(project, "--paddock-record=once").assert_outcomes(passed=4)
    files = sorted(file.name for file in Path(project.path, "cassettes").rglob("*.yaml"))
    assert files == ["test_stream.yaml", "test_vectors.yaml", "test_whole.yaml"]
    recorded = {file: file.read_text() for file in Path(project.path, "cassettes").rglob("*.yaml")}
    Path(project.path, "wrangler-like.toml").write_text(CONFIG.format(engine=OFF))
    run(project, "--paddock-record=once").assert_outcomes(passed=4)
    run(project, "--paddock-ai=replay").assert_outcomes(passed=4)
    run(project, "--paddock-ai=fake").assert_outcomes(passed=4)
    assert {file: file.read_text() for file in recorded} == recorded


SHARED = """
import json
import os
import pathlib
import pytest
from paddock.worker.testing import JsException

OUT = pathlib.Path(os.environ["ANSWERS"])
STREAM = {"prompt": "Tell me about ships.", "max_tokens": 9, "stream": True}
INPUTS = [
    ("@cf/microsoft/phi-2", {"prompt": "Tell me about lighthouses.", "max_tokens": 12, "seed": 1}),
    ("@cf/microsoft/phi-2", STREAM),
    ("@cf/baai/bge-small-en-v1.5", {"text": ["a lighthouse", "a ship"]}),
]

def mine(name):
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (place / "environ").read_bytes(), (place / "cmdline").read_bytes()
        except OSError:
            continue
        if os.environ["PYTEST_XDIST_TESTRUNUID"].encode() in environment and name.encode() in command.split(b"\\0"):
            found.append(int(place.name))
    return found

def text_of(events):
    # Without the comments that a stream has while it waits for a load.
    data = [line.removeprefix("data: ") for line in events.splitlines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    return "".join(json.loads(event)["response"] for event in data[:-1])

@pytest.mark.parametrize("number", range(6))
def test_answers(env, ai, number):
    model, inputs = INPUTS[number // 2]
    answer = env.AI.run(model, inputs).result()
    said = json.dumps(answer) if isinstance(answer, dict) else text_of(answer.decode())
    (OUT / f"{number}.txt").write_text(f"{said} {ai.usage} {ai.calls[0].outcome}")
    if "PYTEST_XDIST_TESTRUNUID" in os.environ:
        (pid,) = mine("paddock.worker.testing.shared.process")
        hosts = mine("paddock.bindings.ai.engines.nursery")  # and what was forked from it
        parents = [int(pathlib.Path(f"/proc/{host}/stat").read_text().rsplit(")")[-1].split()[1]) for host in hosts]
        assert [parent for parent in parents if parent not in hosts] == [pid]
        (OUT / os.environ["PYTEST_XDIST_WORKER"]).write_text(str(pid))

def test_errors(env):
    with pytest.raises(JsException, match="5021: The estimated number of input"):
        env.AI.run("@cf/microsoft/phi-2", {"prompt": "x", "max_tokens": 100_000}).result()

def test_a_stream_that_is_left(worker, env):
    with worker.stream("/stream") as response:
        next(response.iter_lines())
"""
EXACT = "[paddock.engine]\ndeterministic = true"


def answers(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *options: str) -> dict[str, str]:
    """What the tests were answered, by number; also, by process, which one had the engines."""
    folder = project.path / ("-".join(options) or "alone")
    folder.mkdir()
    monkeypatch.setenv("ANSWERS", str(folder))
    run(project, "--paddock-ai=vllm", *options).assert_outcomes(passed=8)
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_processes_of_xdist_share_one_engine(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """DT-072, DT-092"""
    Path(project.path, "wrangler-like.toml").write_text(CONFIG.format(engine=EXACT))
    project.makepyfile(SHARED)
    alone = answers(project, monkeypatch)
    shared = answers(project, monkeypatch, "-n", "2")
    pids = {shared.pop(name) for name in [name for name in shared if name.startswith("gw")]}
    assert shared == alone
    assert len(pids) == 1
    wait_for_end(int(pids.pop()))


def test_no_engine_outlives_a_run_that_is_killed(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """DT-092"""
    project.makepyfile(
        SHARED
        + """
@pytest.fixture(scope="session", autouse=True)
def the_end():
    yield
    os.kill(os.getppid(), 9)
    os.kill(os.getpid(), 9)
"""
    )
    monkeypatch.setenv("ANSWERS", str(project.path))
    run(project, "--paddock-ai=vllm", "-n", "2", "-k", "test_answers")
    (pid,) = {file.read_text() for file in project.path.glob("gw*")}
    wait_for_end(int(pid))


def wait_for_end(pid: int) -> None:
    """Return when the process has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([fd], [], [], 30)[0], f"process {pid} is still there"
    os.close(fd)
