import asyncio
import json
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import EngineRequest, Message, SamplingParams, Tool, ToolUse
from paddock.bindings.ai.engines.scripted import Call, ScriptedEngine, Thought
from paddock.bindings.ai.tasks.text_generation.responses import ResponsesJob

USE = ToolUse((Tool("time", "The time", '{"type":"object"}'), Tool("date", "", '{"type":"object"}')), most=1)
REPLY = [Thought("hm, "), Thought("the time"), "Let me", " look.", Call("time", {"zone": "UTC"})]


@pytest.fixture
def job() -> ResponsesJob:
    sampling = SamplingParams(max_tokens=50)
    return ResponsesJob(EngineRequest(sampling, messages=(Message("user", "x"),), tool_use=USE), "@cf/test/chat")


def _whole(job: ResponsesJob, reply: Any, **more: Any) -> dict[str, Any]:
    engine = ScriptedEngine([reply], **more)
    return asyncio.run(job.collect([engine.generate(job.requests[0])]))


def _events(job: ResponsesJob, reply: Any) -> list[dict[str, Any]]:
    async def read() -> list[bytes]:
        return [event async for event in job.stream([ScriptedEngine([reply]).generate(job.requests[0])])]

    frames = b"".join(asyncio.run(read())).split(b"\n\n")[:-1]
    return [json.loads(frame.split(b"\ndata: ")[1]) for frame in frames]


def test_items_come_in_the_order_of_the_answer(job: ResponsesJob) -> None:
    answer = _whole(job, REPLY)
    thought, message, call = answer["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "hm, the time"}]
    assert message["content"][0]["text"] == "Let me look."
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "time", '{"zone":"UTC"}')
    assert answer["usage"]["output_tokens_details"] == {"reasoning_tokens": 2}


def test_stream_makes_the_same_items(job: ResponsesJob) -> None:
    """WA-070"""
    *_, last = events = _events(job, REPLY)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    added = [event["item"]["type"] for event in events if event["type"] == "response.output_item.added"]
    assert added == ["reasoning", "message", "function_call"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert last["type"] == "response.completed"
    assert last["response"]["output"] == done
    for name, whole in (("reasoning_text", "hm, the time"), ("output_text", "Let me look.")):
        deltas = [event["delta"] for event in events if event["type"] == f"response.{name}.delta"]
        assert "".join(deltas) == whole
    arguments = [event for event in events if event["type"].startswith("response.function_call_arguments")]
    assert [event["output_index"] for event in arguments] == [2, 2]
    assert (arguments[0]["delta"], arguments[1]["arguments"]) == ('{"zone":"UTC"}', '{"zone":"UTC"}')


def test_answer_of_nothing_is_an_empty_message(job: ResponsesJob) -> None:
    (message,) = _whole(job, [""])["output"]
    assert message["content"][0]["text"] == ""
    assert [event["type"] for event in _events(job, [""])][-1] == "response.completed"


def test_cut_answer_is_incomplete(job: ResponsesJob) -> None:
    answer = _whole(job, ["a"], finish_reason="length")
    assert (answer["status"], answer["output"][0]["status"]) == ("incomplete", "incomplete")
    assert answer["incomplete_details"] == {"reason": "max_output_tokens"}


def test_response_tells_which_tools_there_were(job: ResponsesJob) -> None:
    answer = _whole(job, ["a"])
    assert [tool["name"] for tool in answer["tools"]] == ["time", "date"]
    assert (answer["tool_choice"], answer["parallel_tool_calls"]) == ("auto", False)
