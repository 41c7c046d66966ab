"""promptfoo with its provider `cloudflare-ai`."""

import json
from typing import Any

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine

pytestmark = pytest.mark.clients("promptfoo", what="`promptfoo eval`: chat, completion, documents, tools, errors")

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
}


@pytest.fixture
def evaluate(installed, run, tmp_path):
    """`evaluate(url, kind, model, asserted, **settings)`: the result of one test case."""
    folder = installed("promptfoo", folder=installed() / "promptfoo")

    def one(url: str, kind: str, model: str, asserted: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
        base = f"{url}/client/v4/accounts/a/ai/v1"
        where = {"accountId": "a", "apiKey": "any", "apiBaseUrl": base, "temperature": 0}
        configuration = {
            "prompts": ["Tell me about {{topic}}."],
            "providers": [{"id": f"cloudflare-ai:{kind}:{model}", "config": where | settings}],
            "tests": [{"vars": {"topic": "lighthouses"}, "assert": asserted}],
        }
        (tmp_path / "promptfooconfig.json").write_text(json.dumps(configuration))
        program = str(folder / "node_modules" / ".bin" / "promptfoo")
        command = [program, "eval", "-c", "promptfooconfig.json", "--no-cache", "--no-table", "-o", "report.json"]
        ended = run(command, tmp_path, PROMPTFOO_CONFIG_DIR=str(tmp_path), **QUIET)
        assert (tmp_path / "report.json").exists(), ended.out + ended.err
        (result,) = json.loads((tmp_path / "report.json").read_text())["results"]["results"]
        return result

    return one


@pytest.mark.parametrize("kind", ["chat", "completion"])
def test_an_answer_passes_its_assertions(evaluate, real, kind: str) -> None:
    """WA-127"""
    result = evaluate(real, kind, PHI, [{"type": "contains", "value": "lighthouses"}])
    assert (result["success"], result.get("error")) == (True, None)
    assert result["response"]["tokenUsage"]["completion"] > 5


def test_a_document_keeps_to_its_schema(evaluate, real) -> None:
    """WA-073"""
    schema = {"type": "object", "properties": {"port": {"enum": ["Kiel", "Bergen"]}}, "required": ["port"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "harbour", "schema": schema}}
    result = evaluate(real, "chat", LLAMA, [{"type": "is-json", "value": schema}], response_format=wanted)
    assert (result["success"], result.get("error")) == (True, None)


def test_a_call_is_valid_in_its_eyes(evaluate, real) -> None:
    """WA-080"""
    parameters = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    tool = {"type": "function", "function": {"name": "weather", "description": "", "parameters": parameters}}
    asked = {"tools": [tool], "tool_choice": "required"}
    result = evaluate(real, "chat", LLAMA3, [{"type": "is-valid-openai-tools-call"}], **asked)
    assert (result["success"], result.get("error")) == (True, None)


def test_a_failure_shows_its_reason(evaluate, scripted) -> None:
    """WA-113"""
    result = scripted(ScriptedEngine(), lambda url: evaluate(url, "chat", "@cf/x/y", []))
    assert result["success"] is False
    assert "5007" in result["error"]
    assert "No such model @cf/x/y or task" in result["error"]
