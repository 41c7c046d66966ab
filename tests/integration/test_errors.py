"""A failing handler as a browser, a program and a terminal see it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine

HANDLER = """
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        await self.env.AI.run("@cf/meta/llama-2-7b-chat-fp16", {"prompt": "Hi"})
        password = "hunter2"
        raise ValueError(f"wrong: {password}")
"""
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def ask(serve, accept: str) -> httpx.Response:
    async def run() -> httpx.Response:
        async with serve(HANDLER, engine=ScriptedEngine(["Hello"])) as running:
            return await running.client.get("/shop?x=1", headers={"accept": accept})

    return asyncio.run(run())


def test_browser_gets_a_page_with_the_line_and_the_ai_call(serve) -> None:
    """DT-038, DT-039"""
    reply = ask(serve, BROWSER)
    assert (reply.status_code, reply.headers["paddock-error"]) == (500, "handler_error")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "<mark>    8         raise ValueError" in reply.text
    assert "GET /shop" in reply.text and "@cf/meta/llama-2-7b-chat-fp16" in reply.text


def test_program_gets_json(serve) -> None:
    """DT-038"""
    error = ask(serve, "application/json").json()["error"]
    assert (error["code"], error["message"]) == ("handler_error", "ValueError: wrong: (hidden)")
    assert "line 8, in fetch" in error["stack"]


def test_terminal_gets_text(serve) -> None:
    """DT-038"""
    reply = ask(serve, "*/*")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.text.startswith("Traceback") and reply.text.rstrip().endswith("ValueError: wrong: (hidden)")


@pytest.mark.parametrize("accept", [BROWSER, "application/json", "*/*"])
def test_secrets_are_hidden_in_every_form(serve, accept: str) -> None:
    """DT-039"""
    assert "hunter2" not in ask(serve, accept).text
