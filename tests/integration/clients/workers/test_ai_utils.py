"""Cloudflare's ai-utils over the AI binding."""

import pytest

pytestmark = pytest.mark.clients("@cloudflare/ai-utils", what="`runWithTools` in workerd and Miniflare")

LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"


@pytest.fixture(scope="module")
def worker(bundled) -> str:
    return bundled("worker_ai_utils", "@cloudflare/ai-utils")


def test_it_acts_with_a_tool(in_worker, worker, caller) -> None:
    """WA-078, WA-079, WA-081"""

    async def use(call):
        return await call("act", model=LLAMA3, strictValidation=True)

    done = in_worker(worker, use, caller)
    assert (done["places"], done["answer"]["response"]) == (["Kiel"], 'I hear: "Sunny in Kiel."')


def test_it_acts_with_the_real_engine(in_worker, worker, real) -> None:
    """WA-078, WA-079, WA-081"""

    async def use(call):
        return await call("act", model=LLAMA3)

    done = in_worker(worker, use, real)
    assert done["places"] == ["Kiel"]
    assert done["answer"]["response"].strip()


def test_its_last_answer_streams(in_worker, worker, caller) -> None:
    async def use(call):
        return await call("act", model=LLAMA3, streamFinalResponse=True)

    done = in_worker(worker, use, caller)
    assert done["places"] == ["Kiel"]
    assert done["answer"].endswith("data: [DONE]\n\n")
