"""The demo handler as it stands, with a scripted engine."""

import asyncio
from pathlib import Path

from paddock.bindings.ai.engines.scripted import Call, ScriptedEngine

SOURCE = (Path(__file__).parents[2] / "handler.py").read_text()


def replies_to(serve, engine: ScriptedEngine, *asked: tuple[str, str, object]):
    async def run():
        async with serve(SOURCE, engine) as running:
            return [await running.client.request(method, url, json=body) for method, url, body in asked]

    return asyncio.run(run())


def test_the_page_is_html_and_other_paths_are_named(serve) -> None:
    page, missing = replies_to(serve, ScriptedEngine(), ("GET", "/", None), ("GET", "/nothing", None))
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")
    assert (missing.status_code, "/ask" in missing.text) == (404, True)


def test_questions_come_by_query_and_by_body(serve) -> None:
    engine = ScriptedEngine(["one", "two"])
    model = "@cf/microsoft/phi-2"
    by_query, by_body = replies_to(
        serve,
        engine,
        ("GET", "/ask?prompt=42&max_tokens=7&temperature=0.5", None),
        ("POST", "/ask", {"model": model, "prompt": "Hi"}),
    )
    assert (by_query.json()["response"], by_body.json()["response"]) == ("one", "two")
    assert [request.sampling.max_tokens for request in engine.requests] == [7, 256]


def test_the_stream_is_passed_on_and_the_adapter_is_asked_for(serve) -> None:
    engine = ScriptedEngine(["one", "two"])
    stream, ranch = replies_to(
        serve, engine, ("GET", "/stream?prompt=Hi", None), ("GET", "/ranch-hand?prompt=Hi", None)
    )
    assert stream.text.endswith("data: [DONE]\n\n")
    assert ranch.json()["response"] == "two"
    assert engine.requests[1].adapter is not None


def test_the_model_calls_a_tool_and_hears_of_it(serve) -> None:
    """WA-079, WA-081"""
    engine = ScriptedEngine([[Call("get_weather", {"place": "Lisbon"})], "It is sunny."])
    (answer,) = replies_to(serve, engine, ("GET", "/weather?prompt=Weather+in+Lisbon?", None))
    assert answer.json() == {
        "calls": [{"name": "get_weather", "arguments": {"place": "Lisbon"}}],
        "answer": "It is sunny.",
    }
    assert [message.role for message in engine.requests[1].messages] == ["user", "assistant", "tool"]
    assert engine.requests[1].messages[2].content == "Lisbon: sunny, 21 degrees"


def test_models_are_listed_by_name(serve) -> None:
    (answer,) = replies_to(serve, ScriptedEngine(), ("GET", "/models", None))
    assert {"@cf/microsoft/phi-2", "@cf/qwen/qwen3-30b-a3b-fp8"} <= set(answer.json())


def test_failures_are_json_that_says_what_is_wrong(serve) -> None:
    deep: object = "x"
    for _ in range(400):
        deep = [deep]
    unknown, list_body, too_deep = replies_to(
        serve,
        ScriptedEngine(),
        ("POST", "/ask", {"model": "@cf/x/y", "prompt": "x"}),
        ("POST", "/ask", []),
        ("POST", "/ask", {"prompt": deep}),
    )
    assert (unknown.status_code, unknown.json()) == (400, {"error": "5007: No such model @cf/x/y or task"})
    assert (list_body.status_code, "JSON object" in list_body.json()["error"]) == (400, True)
    assert (too_deep.status_code, "recursion" in too_deep.json()["error"]) == (400, True)
