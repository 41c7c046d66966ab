"""Schemathesis on the published OpenAPI description: no case breaks the server, keeps it waiting, or surprises."""

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.doors import openapi
from paddock.bindings.ai.engines.protocol import EngineRequest
from paddock.bindings.ai.engines.scripted import Call, Pieces, ScriptedEngine, Thought

LIMIT_S = 1500

SCHEMATHESIS = Path(__file__).parents[4] / ".cache" / "clients" / "schemathesis" / "bin" / "schemathesis"
CASES = 10_000
#: Of each operation, in the phase that invents them; examples and edge cases are some five thousand more.
INVENTED = 200
#: A request without an answer in this time hangs. A document is converted in a process of its own, whose start takes
#: seconds on a machine that is busy.
HANGS_S = 20
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
]


def reply(request: EngineRequest) -> Pieces:
    """What was asked for: a document, tool calls, or text with a thought before it."""
    if request.sampling.json_schema is not None:
        return ['{"a":', " 1}"]
    if request.tool_use is not None:
        return [Thought("hm"), "Let me look.", Call(request.tool_use.tools[0].name, {"a": 1})]
    return [Thought("hm"), "gr\u00fc\u00dfe", " \u706f\u53f0", " 1"]


@pytest.mark.clients("schemathesis", what="10,000 cases of the OpenAPI description: status, headers, content, time")
@pytest.mark.timeout(LIMIT_S)
def test_ten_thousand_cases(serve: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not SCHEMATHESIS.is_file():
        pytest.skip("schemathesis is not installed: make test-clients installs it")
    file = tmp_path / "report.json"

    async def run() -> str:
        engine = ScriptedEngine(itertools.repeat(reply))
        async with serve(None, engine, limit_s=LIMIT_S) as running:
            process = await asyncio.create_subprocess_exec(
                SCHEMATHESIS, "run", str(running.client.base_url.join(openapi.PATH)), "--checks", ",".join(CHECKS),
                "--max-response-time", str(HANGS_S), "--request-timeout", str(2 * HANGS_S),
                # One worker: with threads, some CPythons 3.11 fail in its ast.parse ("recursion depth mismatch").
                "--max-examples", str(INVENTED), "--workers", "1", "--continue-on-failure", "--no-color",
                "--report", "json", "--report-json-path", file,
                cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            output, _ = await process.communicate()
            assert (await running.client.get(openapi.PATH)).status_code == 200
        return output.decode()

    output = asyncio.run(run())
    assert file.is_file(), output
    report = json.loads(file.read_text())
    with capsys.disabled():
        print(f"\n{report['test_cases']['generated']} cases in {report['running_time']:.0f} s")  # noqa: T201
    assert (report["failures"], report["errors"]) == ([], []), output
    assert report["test_cases"]["generated"] >= CASES
