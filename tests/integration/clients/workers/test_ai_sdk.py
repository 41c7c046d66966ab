"""The Vercel AI SDK in Workers, with Cloudflare's provider over the AI binding."""

import json

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.errors import EngineOverloaded

pytestmark = pytest.mark.clients(
    "workers-ai-provider",
    "ai",
    what="over `env.AI` in workerd and Miniflare: generateText, streamText, documents, tools, errors, 8 at once",
)

PHI = "@cf/microsoft/phi-2"
LLAMA = "@cf/meta/llama-2-7b-chat-fp16"
LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"


@pytest.fixture(scope="module")
def worker(bundled) -> str:
    return bundled("worker_ai_sdk", "ai", "workers-ai-provider", "zod")


@pytest.mark.parametrize("model", [PHI, LLAMA])
def test_an_answer_streams_and_comes_whole(in_worker, worker, real, model: str) -> None:
    """WA-069"""

    async def use(call):
        return await call("generate", model=model), await call("stream", model=model)

    whole, streamed = in_worker(worker, use, real)
    assert "".join(streamed["pieces"]) == whole["text"] != ""
    assert 5 < len(streamed["pieces"]) <= whole["usage"]["outputTokens"]
    assert (streamed["usage"], streamed["finishReason"]) == (whole["usage"], "stop")


@pytest.mark.parametrize("model", [LLAMA3, QWEN])
@pytest.mark.parametrize("name", ["act", "streamAct"])
def test_it_acts_with_a_tool(in_worker, worker, caller, model: str, name: str) -> None:
    """WA-070, WA-078, WA-079, WA-080, WA-081"""

    async def use(call):
        return await call(name, model=model)

    done = in_worker(worker, use, caller)
    assert (done["text"], done["places"]) == ("I hear: Sunny in Kiel.", ["Kiel"])


@pytest.mark.parametrize("model", [LLAMA3, QWEN])
def test_it_acts_with_the_real_engine(in_worker, worker, real, model: str) -> None:
    """WA-070, WA-079, WA-080, WA-081"""

    async def use(call):
        return await call("act", model=model), await call("streamAct", model=model), await call("document", model=model)

    whole, streamed, document = in_worker(worker, use, real)
    assert whole["places"] == streamed["places"] == ["Kiel"]
    assert whole["text"] == streamed["text"] != ""
    assert document["name"] in ("Kiel", "Bergen")


def test_a_document_comes_in_json_mode(in_worker, worker) -> None:
    """WA-072"""

    async def use(call):
        return await call("document", model=LLAMA3)

    document = {"name": "Kiel", "isOpen": True}
    assert in_worker(worker, use, ScriptedEngine([json.dumps(document)])) == document


def test_failures_are_api_errors_with_their_reason(in_worker, worker) -> None:
    """WA-103"""

    async def use(call):
        return [
            await call.refusal("generate", model="@cf/x/y"),
            await call.refusal("failStream", model="@cf/x/y"),
            await call.refusal("generate", model=LLAMA),
        ]

    missing, streamed, busy = in_worker(worker, use, ScriptedEngine([EngineOverloaded()]))
    assert missing == streamed
    assert (missing["type"], missing["message"]) == ("APICallError", "5007: No such model @cf/x/y or task")
    assert (busy["type"], busy["status"]) == ("APICallError", 429)


def test_it_tries_again_when_the_queue_was_full(in_worker, worker) -> None:
    """WA-131"""

    async def use(call):
        return await call("generate", model=LLAMA, maxRetries=1)

    assert in_worker(worker, use, ScriptedEngine([EngineOverloaded(), "free"]))["text"] == "free"


def test_8_calls_are_answered_at_once(in_worker, worker, eight) -> None:
    async def use(call):
        return await call("parallel", model=LLAMA, count=8)

    assert in_worker(worker, use, eight) == ["yes"] * 8
