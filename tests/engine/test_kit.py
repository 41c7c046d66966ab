"""The test kit with the real engine: recorded once, replayed with the engine off, and asked directly."""

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
    run(project, "--paddock-record=once").assert_outcomes(passed=3)
    files = sorted(file.name for file in Path(project.path, "cassettes").rglob("*.yaml"))
    assert files == ["test_stream.yaml", "test_whole.yaml"]
    recorded = {file: file.read_text() for file in Path(project.path, "cassettes").rglob("*.yaml")}
    Path(project.path, "wrangler-like.toml").write_text(CONFIG.format(engine=OFF))
    run(project, "--paddock-record=once").assert_outcomes(passed=3)
    run(project, "--paddock-ai=replay").assert_outcomes(passed=3)
    run(project, "--paddock-ai=fake").assert_outcomes(passed=3)
    assert {file: file.read_text() for file in recorded} == recorded


def test_processes_of_xdist_have_one_engine_after_the_other(project: pytest.Pytester) -> None:
    """DT-072, DT-092"""
    run(project, "--paddock-ai=vllm", "-n", "2").assert_outcomes(passed=3)
