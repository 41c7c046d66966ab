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
    assert (error["name"], error["message"]) == ("ValueError", "wrong: (hidden)")
    assert "line 8, in fetch" in error["stack"]


def test_terminal_gets_text(serve) -> None:
    """DT-038"""
    reply = ask(serve, "*/*")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.text.startswith("Error 1101: ") and reply.text.rstrip().endswith("ValueError: wrong: (hidden)")


@pytest.mark.parametrize("accept", [BROWSER, "application/json", "*/*"])
def test_secrets_are_hidden_in_every_form(serve, accept: str) -> None:
    """DT-039"""
    assert "hunter2" not in ask(serve, accept).text


HOSTILE = """
import os
from workers import WorkerEntrypoint

class Endless:
    def __repr__(self):
        while True:
            pass
    def __getattribute__(self, name):
        os._exit(1)

class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no")

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("<one> line of hunter2")
        nasty, large, api_token = Endless(), "x" * 1_000_000, "t0ken"
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise Silent from error
"""


def test_variables_are_shown_without_running_the_users_code(serve) -> None:
    """DT-038, DT-039"""

    async def run() -> httpx.Response:
        async with serve(HOSTILE) as running:
            return await running.client.get("/", headers={"accept": BROWSER, "cookie": "a=s3ssion"})

    page = asyncio.run(run())
    assert page.status_code == 500
    assert "<td>nasty<td>&lt;Endless&gt;" in page.text and "<td>api_token<td>(hidden)" in page.text
    assert "the message cannot be shown: RuntimeError" in page.text and "Caused by KeyError" in page.text
    assert "&lt;one&gt; line of (hidden)" in page.text and "s3ssion" not in page.text
    assert len(page.content) < 50_000


def test_page_shows_what_the_model_was_asked_and_what_it_said(serve) -> None:
    """DT-039"""
    page = ask(serve, BROWSER).text
    assert "{&quot;prompt&quot;:&quot;Hi&quot;}" in page and "Hello" in page
    assert "<td>password<td>(hidden)" in page


def test_head_gets_the_headers_alone(serve) -> None:
    async def run() -> httpx.Response:
        async with serve(HANDLER, engine=ScriptedEngine(["Hello"])) as running:
            return await running.client.head("/", headers={"accept": BROWSER})

    reply = asyncio.run(run())
    assert (reply.status_code, reply.content) == (500, b"")
    assert reply.headers["paddock-production-error"] == "1101" and int(reply.headers["content-length"]) > 0
