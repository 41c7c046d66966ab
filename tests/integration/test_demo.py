"""The demo handler as it stands, with replies of the tests'."""

from pathlib import Path

import httpx
import pytest

from paddock.worker.testing import Ai

SOURCE = (Path(__file__).parents[2] / "handler.py").read_text()
pytestmark = pytest.mark.paddock(source=SOURCE)


def test_the_page_is_html_and_other_paths_are_named(client: httpx.Client) -> None:
    page, missing = client.get("/"), client.get("/nothing")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")
    assert (missing.status_code, "/ask" in missing.text) == (404, True)


def test_questions_come_by_query_and_by_body(client: httpx.Client, ai: Ai) -> None:
    ai.reply("one", "two")
    by_query = client.get("/ask?prompt=42&max_tokens=7&temperature=0.5")
    by_body = client.post("/ask", json={"model": "@cf/microsoft/phi-2", "prompt": "Hi"})
    assert (by_query.json()["response"], by_body.json()["response"]) == ("one", "two")
    assert [call.inputs["max_tokens"] for call in ai.calls] == [7, 256]


def test_the_stream_is_passed_on_and_the_adapter_is_asked_for(client: httpx.Client, ai: Ai) -> None:
    ai.reply("one", "two")
    stream, ranch = client.get("/stream?prompt=Hi"), client.get("/ranch-hand?prompt=Hi")
    assert stream.text.endswith("data: [DONE]\n\n")
    assert ranch.json()["response"] == "two"
    assert ai.calls[1].inputs["lora"]


def test_the_model_calls_a_tool_and_hears_of_it(client: httpx.Client, ai: Ai) -> None:
    """WA-079, WA-081"""
    ai.reply({"tool_calls": [{"name": "get_weather", "arguments": {"place": "Lisbon"}}]}, "It is sunny.")
    assert client.get("/weather?prompt=Weather+in+Lisbon?").json() == {
        "calls": [{"name": "get_weather", "arguments": {"place": "Lisbon"}}],
        "answer": "It is sunny.",
    }
    messages = ai.calls[1].inputs["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert messages[2]["content"] == "Lisbon: sunny, 21 degrees"


def test_models_are_listed_by_name(client: httpx.Client) -> None:
    assert {"@cf/microsoft/phi-2", "@cf/qwen/qwen3-30b-a3b-fp8"} <= set(client.get("/models").json())


def test_failures_are_json_that_says_what_is_wrong(client: httpx.Client) -> None:
    deep: object = "x"
    for _ in range(400):
        deep = [deep]
    unknown = client.post("/ask", json={"model": "@cf/x/y", "prompt": "x"})
    list_body, too_deep = client.post("/ask", json=[]), client.post("/ask", json={"prompt": deep})
    assert (unknown.status_code, unknown.json()) == (400, {"error": "5007: No such model @cf/x/y or task"})
    assert (list_body.status_code, "JSON object" in list_body.json()["error"]) == (400, True)
    assert (too_deep.status_code, "recursion" in too_deep.json()["error"]) == (400, True)
