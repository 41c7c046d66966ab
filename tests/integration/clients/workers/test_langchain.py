"""LangChain in a Python Worker, over the AI binding."""

import asyncio
from pathlib import Path

import pytest

from paddock.worker.watchdog import Limits

pytestmark = pytest.mark.clients("langchain-cloudflare", what="in a Python Worker, over `env.AI`: invoke, tools")

HANDLER = Path(__file__).parent / "langchain" / "handler.py"


@pytest.mark.parametrize("model", ["@cf/meta/llama-3.3-70b-instruct-fp8-fast", "@cf/qwen/qwen3-30b-a3b-fp8"])
def test_it_acts_with_a_tool(python_packages, serve, caller, tmp_path: Path, model: str) -> None:
    """WA-079, WA-080, WA-081"""
    (tmp_path / "python_modules").symlink_to(python_packages("langchain_cloudflare"))

    async def run() -> dict:
        limits = Limits(cpu_ms=90_000, loop_s=90.0)
        async with serve(HANDLER.read_text(), caller, start_timeout_s=90.0, limits=limits) as running:
            return (await running.client.get("/", params={"model": model}, timeout=120)).json()

    answer = asyncio.run(run())
    assert answer["text"] == "I hear: Sunny in Kiel."
    assert answer["usage"]["output_tokens"] > 0
