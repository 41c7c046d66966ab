"""Requests as vLLM's server takes them: nothing of a request is lost, and nothing is added that was not asked for."""

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import (
    CalledTool,
    EngineRequest,
    Message,
    Picture,
    SamplingParams,
    Tool,
    ToolUse,
)
from paddock.bindings.ai.engines.remote.bodies import make_body, tokenize_body

CLOCK = Tool("clock", "Tells the time", '{"type": "object"}')
LAMP = Tool("lamp", "", '{"type": "object"}')
SCHEMA = '{"type":"object"}'


def body(request: EngineRequest, field: Any = "structured_outputs", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(make_body(request, "m", field, **{"is_vllm": True, **more}).content)
    return found


def test_a_chat_without_wishes(wire: SimpleNamespace) -> None:
    made = make_body(wire.ask("Hi", max_tokens=3), "m", "structured_outputs", is_vllm=True)
    assert made.path == "/v1/chat/completions"
    assert json.loads(made.content) == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "max_tokens": 3,
        "messages": [{"role": "user", "content": "Hi"}],
    }


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF89a", "gif"), (b"RIFF\0\0\0\0WEBP", "webp")],
)
def test_pictures_go_along_as_openai_has_them(data: bytes, kind: str) -> None:
    message = Message("user", "What is it?", pictures=(Picture(data, 5),))
    request = EngineRequest(SamplingParams(max_tokens=3), messages=(message,))
    shown = {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}
    content = [{"type": "text", "text": "What "}, {"type": "image_url", "image_url": shown}]
    content.append({"type": "text", "text": "is it?"})
    assert body(request)["messages"] == [{"role": "user", "content": content}]
    assert json.loads(tokenize_body(request, "m"))["messages"] == body(request)["messages"]


def test_every_sampling_parameter_goes_along(wire: SimpleNamespace) -> None:
    wishes = {
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 3,
        "min_p": 0.1,
        "seed": 0,
        "repetition_penalty": 1.5,
        "frequency_penalty": -1.0,
        "presence_penalty": 1.0,
        "stop": ("a", "b"),
        "logit_bias": {17: -100.0},
        "logprobs": 0,
        "json_schema": SCHEMA,
    }
    assert {"max_tokens", *wishes} == set(SamplingParams.__struct_fields__), "a parameter without a wish here"
    sent = body(wire.ask("Hi", **wishes))
    plain = {name: sent.get(name) for name in wishes if name not in ("logit_bias", "logprobs", "json_schema")}
    assert plain == {name: list(wishes[name]) if name == "stop" else wishes[name] for name in plain}
    assert sent["logit_bias"] == {"17": -100.0}
    assert (sent["logprobs"], sent["top_logprobs"]) == (True, 0)
    assert sent["structured_outputs"] == {"json": {"type": "object"}, "disable_any_whitespace": True}


def test_a_raw_prompt_is_a_completion(wire: SimpleNamespace) -> None:
    made = make_body(wire.ask(prompt="Once", logprobs=2), "m", "structured_outputs", is_vllm=True)
    sent = json.loads(made.content)
    assert (made.path, sent["prompt"], sent["logprobs"]) == ("/v1/completions", "Once", 2)
    assert "messages" not in sent
    assert "add_special_tokens" not in sent


def test_a_prompt_that_begins_with_its_own_token_does_not_get_another(wire: SimpleNamespace) -> None:
    assert body(wire.ask(prompt="<s>Once"), bos="<s>")["add_special_tokens"] is False
    assert "add_special_tokens" not in body(wire.ask(prompt="Once"), bos="<s>")
    assert json.loads(tokenize_body(wire.ask(prompt="<s>Once"), "m", "<s>"))["add_special_tokens"] is False


@pytest.mark.parametrize(
    ("use", "choice", "parallel"),
    [
        (ToolUse((CLOCK, LAMP)), "auto", None),
        (ToolUse((CLOCK, LAMP), is_forced=True), "required", None),
        (ToolUse((CLOCK, LAMP), is_forced=True, most=1), "required", False),
        (
            ToolUse((CLOCK, LAMP), is_forced=True, only="lamp", most=1),
            {"type": "function", "function": {"name": "lamp"}},
            False,
        ),
    ],
)
def test_tools(wire: SimpleNamespace, use: ToolUse, choice: object, parallel: bool | None) -> None:
    sent = body(wire.ask(tool_use=use))
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["clock", "lamp"]
    assert {tool["function"].get("strict") for tool in sent["tools"]} == {True if use.is_forced else None}
    assert (sent["tool_choice"], sent.get("parallel_tool_calls")) == (choice, parallel)


def test_earlier_turns_keep_their_calls_thoughts_and_names(wire: SimpleNamespace) -> None:
    turns = (
        Message("assistant", "", (CalledTool("c1", "clock", "{}"),), "Hm."),
        Message("tool", "noon", tool_call_id="c1", name="clock"),
    )
    assert body(wire.ask(messages=turns))["messages"] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}],
            "reasoning": "Hm.",
        },
        {"role": "tool", "content": "noon", "tool_call_id": "c1", "name": "clock"},
    ]


def test_template_variables_reach_the_template_and_the_server(wire: SimpleNamespace) -> None:
    variables = {"enable_thinking": True, "reasoning_effort": "low"}
    sent = body(wire.ask(template_variables=variables))
    assert (sent["chat_template_kwargs"], sent["reasoning_effort"]) == (variables, "low")
    assert "reasoning_effort" not in body(wire.ask(template_variables={"reasoning_effort": "endless"}))


def test_another_server_is_spoken_to_in_openais_words_alone(wire: SimpleNamespace) -> None:
    sent = body(wire.ask(json_schema=SCHEMA), "response_format", is_vllm=False)
    assert sent["stream_options"] == {"include_usage": True}
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert "structured_outputs" not in sent


def test_counting_asks_for_what_the_answer_would_see(wire: SimpleNamespace) -> None:
    request = wire.ask("Hi", tool_use=ToolUse((CLOCK,)), template_variables={"reasoning_effort": "low"})
    sent = json.loads(tokenize_body(request, "m"))
    assert set(sent) == {"model", "messages", "tools", "chat_template_kwargs"}
