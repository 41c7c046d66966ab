"""Events of chats and completions as chunks: text, thoughts, calls, probabilities, and counts that are right."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.ai.engines.protocol import CallDelta, EngineChunk, TokenLogprob
from paddock.bindings.ai.engines.remote.answer import Answer
from paddock.bindings.ai.engines.remote.refusals import ServerError, ServerLost


def read(*events: Any) -> list[EngineChunk]:
    """The chunks of these events, taken one by one."""
    answer, chunks = Answer(), []
    for event in events:
        if event != "[DONE]":
            answer.add(json.dumps(event).encode())
            chunks.append(answer.take())
    chunks.append(answer.last())
    return [chunk for chunk in chunks if chunk is not None]


def test_text_counts_and_reason_stand_where_the_contract_has_them(wire: SimpleNamespace) -> None:
    chunks = read(
        wire.chat({"role": "assistant", "content": ""}, 0),
        wire.chat({"content": "Hel"}, 1),
        wire.chat({"content": "lo"}, 4),
        wire.chat({"content": "!"}, 5, "stop"),
        *wire.end(5),
    )
    assert chunks == [EngineChunk("Hel", 1, None, 7), EngineChunk("lo", 3), EngineChunk("!", 1, "stop")]


def test_tokens_of_events_that_a_parser_held_back_are_counted_with_the_next(wire: SimpleNamespace) -> None:
    chunks = read(wire.text("a", 1), wire.text("b", 6, "length"), *wire.end(6))
    assert [chunk.tokens for chunk in chunks] == [1, 5]


def test_an_empty_answer_is_one_chunk(wire: SimpleNamespace) -> None:
    assert read(wire.text("", 1, "stop"), *wire.end(1)) == [EngineChunk("", 1, "stop", 7)]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thoughts_are_no_text(wire: SimpleNamespace, field: str) -> None:
    first, last = read(wire.chat({field: "Hm."}, 1), wire.chat({"content": "Yes."}, 2, "stop"), *wire.end(2))
    assert (first.reasoning, first.text, last.reasoning, last.text) == ("Hm.", "", "", "Yes.")


def test_calls_have_their_name_once_and_end_with_stop(wire: SimpleNamespace) -> None:
    def call(index: int, tokens: int, finish: str | None = None, **function: Any) -> Any:
        piece = {"index": index, "id": "x", "type": "function", "function": function}
        return wire.chat({"tool_calls": [piece]}, tokens, finish)

    chunks = read(
        call(0, 3, name="clock", arguments=""),
        call(0, 5, arguments='{"zone":'),
        call(0, 6, name="clock", arguments='"UTC"}'),
        call(1, 9, "tool_calls", name="lamp", arguments="{}"),
        *wire.end(9),
    )
    assert [delta for chunk in chunks for delta in chunk.calls] == [
        CallDelta(0, "clock", ""),
        CallDelta(0, None, '{"zone":'),
        CallDelta(0, None, '"UTC"}'),
        CallDelta(1, "lamp", "{}"),
    ]
    assert chunks[-1].finish_reason == "stop"


def test_probabilities_of_chats_have_the_drawn_token_and_the_likeliest_first(wire: SimpleNamespace) -> None:
    top = [{"token": "b", "logprob": -2.0, "bytes": [98]}, {"token": "a", "logprob": -0.5, "bytes": [97]}]
    content = [{"token": "c", "logprob": -3.0, "bytes": [99], "top_logprobs": top}]
    (chunk,) = read(wire.chat({"content": "c"}, 1, "stop", logprobs={"content": content}), *wire.end(1))
    assert chunk.logprobs == (TokenLogprob("c", -3.0, (("a", -0.5), ("b", -2.0), ("c", -3.0))),)


def test_probabilities_of_completions_are_the_same(wire: SimpleNamespace) -> None:
    logprobs = {"text_offset": [0], "tokens": ["c"], "token_logprobs": [-3.0], "top_logprobs": [{"c": -3.0, "a": -0.5}]}
    (chunk,) = read(wire.text("c", 1, "stop", logprobs=logprobs), *wire.end(1))
    assert chunk.logprobs == (TokenLogprob("c", -3.0, (("a", -0.5), ("c", -3.0))),)


def test_cached_tokens_come_with_the_last_chunk(wire: SimpleNamespace) -> None:
    events = wire.text("a", 1), wire.text("b", 2, "stop"), *wire.end(2, prompt_tokens_details={"cached_tokens": 5})
    assert [chunk.cached_tokens for chunk in read(*events)] == [0, 5]


def test_a_server_that_counts_at_the_end_is_counted_right_in_all(wire: SimpleNamespace) -> None:
    events = [{**wire.text(piece, 0), "usage": None} for piece in ("a", "b", "c")]
    last = {**wire.text("", 0, "stop"), "usage": None}
    chunks = read(*events, last, *wire.end(9))
    assert [chunk.tokens for chunk in chunks] == [1, 1, 1, 6]
    assert [chunk.prompt_tokens for chunk in chunks] == [None, None, None, 7]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("stop", "stop"), ("length", "length"), ("tool_calls", "stop"), ("abort", "abort"), ("repetition", "error")],
)
def test_finish_reasons(wire: SimpleNamespace, theirs: str, ours: str) -> None:
    assert read(wire.text("a", 1, theirs), *wire.end(1))[-1].finish_reason == ours


@pytest.mark.parametrize(
    "data", [b'{"error": {"message": "no", "code": 400}}', b'{"object": "error", "message": "no", "code": 400}']
)
def test_an_error_among_the_events_has_its_status(data: bytes) -> None:
    with pytest.raises(ServerError, match="no") as caught:
        Answer().add(data)
    assert caught.value.status == 400


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b'{"choices": 3}', b'{"choices": [{"text": 3}]}', b"\xff"])
def test_what_is_no_event_is_a_lost_server(data: bytes) -> None:
    with pytest.raises(ServerLost):
        Answer().add(data)
