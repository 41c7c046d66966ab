import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import CallDelta as Piece
from paddock.bindings.ai.engines.protocol import EngineChunk, FinishReason

FLAT, OPENAI, CHAT = "@cf/test/tools-flat", "@cf/test/tools-openai", "@cf/test/chat"
TOOLS = {"messages": [{"role": "user", "content": "x"}], "tools": [{"name": "weather"}, {"name": "time"}]}
TWO = [Piece(0, "weather", ""), Piece(0, None, '{"place":'), Piece(0, None, '"Rome"}'), Piece(1, "time", "{}")]
ID = "chatcmpl-tool-"


async def _chunks(pieces: list[str | Piece], finish: FinishReason) -> AsyncGenerator[EngineChunk, None]:
    for index, piece in enumerate(pieces):
        is_call = isinstance(piece, Piece)
        reasoning = piece[1:] if not is_call and piece.startswith("~") else ""
        yield EngineChunk(
            "" if is_call or reasoning else piece,
            1,
            finish if index == len(pieces) - 1 else None,
            7 if index == 0 else None,
            reasoning=reasoning,
            calls=(piece,) if is_call else (),
        )


@pytest.fixture
def whole(job_of):
    def of(model: str, pieces: Any, dialect: str = "native", finish: FinishReason = "stop", **inputs: Any) -> Any:
        return asyncio.run(job_of(model, TOOLS | inputs, dialect).collect([_chunks(pieces, finish)]))

    return of


@pytest.fixture
def streamed(job_of):
    def of(model: str, pieces: Any, dialect: str = "native", finish: FinishReason = "stop", **inputs: Any) -> Any:
        async def read() -> bytes:
            job = job_of(model, TOOLS | inputs, dialect)
            return b"".join([event async for event in job.stream([_chunks(pieces, finish)])])

        *datas, done, end = asyncio.run(read()).split(b"\n\n")
        assert (done, end) == (b"data: [DONE]", b"")
        return [json.loads(data.removeprefix(b"data: ")) for data in datas]

    return of


def test_flat_calls_have_objects_and_no_response(whole) -> None:
    """WA-079"""
    answer = whole(FLAT, TWO)
    assert answer["response"] is None
    assert answer["tool_calls"] == [
        {"name": "weather", "arguments": {"place": "Rome"}},
        {"name": "time", "arguments": {}},
    ]
    assert answer["usage"]["completion_tokens"] == 4


def test_text_of_a_flat_model_comes_with_an_empty_list(whole) -> None:
    assert {**whole(FLAT, ["hi"]), "usage": 0} == {"response": "hi", "tool_calls": [], "usage": 0}


def test_flat_call_that_is_cut_off_is_the_text_that_there_is(whole) -> None:
    answer = whole(FLAT, TWO[:2], finish="length")
    assert (answer["response"], answer["tool_calls"]) == ('{"name": "weather", "arguments": {"place":', [])


def test_openai_calls_of_a_native_model_have_ids_and_text(whole) -> None:
    """WA-080"""
    answer = whole(OPENAI, TWO)
    first, second = answer["tool_calls"]
    assert "response" not in answer
    assert (first["type"], first["function"]) == ("function", {"name": "weather", "arguments": '{"place":"Rome"}'})
    assert first["id"].startswith(ID) and first["id"] != second["id"]
    assert "tool_calls" not in whole(OPENAI, ["hi"])


@pytest.mark.parametrize("dialect", ["native", "openai"])
def test_chat_message_has_calls_and_the_reason(whole, dialect) -> None:
    (choice,) = whole(CHAT, ["~hm", *TWO], dialect)["choices"]
    message = choice["message"]
    assert (message["content"], message["reasoning"], choice["finish_reason"]) == (None, "hm", "tool_calls")
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["weather", "time"]


@pytest.mark.parametrize("model", [FLAT, OPENAI])
def test_white_space_beside_calls_is_no_text(whole, model) -> None:
    assert whole(model, ["\n\n", *TWO]).get("response") is None
    assert whole(model, ["Look:", *TWO])["response"] == "Look:"
    assert whole(CHAT, ["\n\n", *TWO])["choices"][0]["message"]["content"] is None


def test_no_call_is_no_reason(whole) -> None:
    """Never a reason `tool_calls` beside an empty list, which clients take for a failure."""
    (choice,) = whole(CHAT, ["hi"], tool_choice="required")["choices"]
    assert (choice["finish_reason"], choice["message"]["tool_calls"]) == ("stop", [])


def test_a_cut_call_keeps_the_reason_length(whole) -> None:
    (choice,) = whole(CHAT, TWO[:2], finish="length")["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"place":'


@pytest.mark.parametrize("model", [FLAT, OPENAI])
def test_native_stream_has_openai_pieces_and_the_reason(streamed, model) -> None:
    """WA-070"""
    *frames, reason, usage = streamed(model, TWO)
    pieces = [piece for frame in frames for piece in frame["tool_calls"]]
    assert [piece["index"] for piece in pieces] == [0, 0, 0, 1]
    assert {**pieces[0], "id": pieces[0]["id"][: len(ID)]} == {
        "index": 0,
        "id": ID,
        "type": "function",
        "function": {"name": "weather", "arguments": ""},
    }
    assert pieces[1] == {"index": 0, "function": {"arguments": '{"place":'}}
    assert (reason, usage["usage"]["completion_tokens"]) == ({"finish_reason": "tool_calls"}, 4)


def test_chat_stream_has_thoughts_then_text_then_calls(streamed) -> None:
    """WA-070"""
    frames = streamed(CHAT, ["~hm", "Let me look.", *TWO], "openai")
    role, thought, text, *calls, finish = [frame["choices"][0] for frame in frames]
    assert (role["delta"]["role"], thought["delta"]) == ("assistant", {"reasoning": "hm"})
    assert text["delta"] == {"content": "Let me look."}
    arguments = [piece["function"]["arguments"] for call in calls for piece in call["delta"]["tool_calls"]]
    assert "".join(arguments) == '{"place":"Rome"}{}'
    assert (finish["delta"], finish["finish_reason"]) == ({}, "tool_calls")


def test_one_call_at_most_where_the_caller_says_so(whole, streamed) -> None:
    (choice,) = whole(CHAT, TWO, parallel_tool_calls=False)["choices"]
    assert len(choice["message"]["tool_calls"]) == 1
    frames = streamed(CHAT, TWO, "openai", parallel_tool_calls=False)
    deltas = [frame["choices"][0]["delta"] for frame in frames]
    assert {piece["index"] for delta in deltas for piece in delta.get("tool_calls", [])} == {0}


def test_functions_are_answered_with_a_function_call(whole, streamed) -> None:
    legacy = {"tools": None, "functions": [{"name": "weather"}]}
    (choice,) = whole(CHAT, TWO, "openai", **legacy)["choices"]
    assert choice["message"]["function_call"] == {"name": "weather", "arguments": '{"place":"Rome"}'}
    assert ("tool_calls" in choice["message"], choice["finish_reason"]) == (False, "function_call")
    deltas = [frame["choices"][0]["delta"] for frame in streamed(CHAT, TWO, "openai", **legacy)]
    assert [delta["function_call"] for delta in deltas if "function_call" in delta][1] == {"arguments": '{"place":'}


def test_native_answers_keep_what_the_model_thought(whole, streamed) -> None:
    assert whole(FLAT, ["~hm", "hi"])["reasoning_content"] == "hm"
    thought, text, _ = streamed(FLAT, ["~hm", "hi"])
    assert (thought["reasoning_content"], text["response"]) == ("hm", "hi")


@pytest.mark.parametrize(
    ("model", "name"),
    [("@cf/qwen/qwen3-30b-a3b-fp8", "reasoning_content"), ("@cf/google/gemma-4-26b-a4b-it", "reasoning")],
)
def test_the_output_schema_says_where_thoughts_are(whole, model, name) -> None:
    message = whole(model, ["~hm", "hi"])["choices"][0]["message"]
    assert {"reasoning", "reasoning_content"} & message.keys() == {name}
