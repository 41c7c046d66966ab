import asyncio
import json
from collections.abc import AsyncGenerator

import pytest

from paddock.bindings.ai.engines.protocol import EngineChunk, Message
from paddock.bindings.ai.tasks import TASKS
from paddock.bindings.errors import InputError

TASK = TASKS["Text Generation"]


@pytest.fixture
def card(catalog):
    return catalog.card("@cf/meta/llama-2-7b-chat-fp16")


async def chunks(*pieces: str, finish: str = "stop") -> AsyncGenerator[EngineChunk, None]:
    for index, piece in enumerate(pieces):
        is_last = index == len(pieces) - 1
        yield EngineChunk(piece, 1, finish if is_last else None, 7 if index == 0 else None)


async def events_of(*pieces: str) -> list[bytes]:
    return [event async for event in TASK.stream(chunks(*pieces))]


def test_a_prompt_becomes_one_user_message(card) -> None:
    """WA-043"""
    request = TASK.prepare(card, {"prompt": "Hi"}, None)
    assert (request.messages, request.prompt) == ((Message("user", "Hi"),), None)


def test_raw_leaves_the_prompt_as_it_is(card) -> None:
    """WA-044"""
    request = TASK.prepare(card, {"prompt": "[INST] Hi [/INST]", "raw": True}, None)
    assert (request.messages, request.prompt) == (None, "[INST] Hi [/INST]")


def test_raw_messages_are_joined_without_a_template(card) -> None:
    """WA-033: the string `true` beside messages, as in the documented LoRA example."""
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    assert TASK.prepare(card, {"messages": messages, "raw": "true"}, None).prompt == "a\nb"


def test_max_tokens_is_256_when_nothing_says_otherwise(card) -> None:
    """WA-045"""
    assert TASK.prepare(card, {"prompt": "x"}, None).sampling.max_tokens == 256


@pytest.mark.parametrize(
    ("given", "sampled"),
    [
        ({"temperature": 5}, {"temperature": 2.0}),
        ({"temperature": 0, "top_k": 3}, {"temperature": 0.0, "top_k": None}),
        ({"top_p": 2}, {"top_p": 1.0}),
        ({"top_p": 0}, {"temperature": 0.0, "top_p": None}),
        ({"repetition_penalty": 0}, {"repetition_penalty": None}),
        ({"frequency_penalty": 2, "presence_penalty": 1}, {"frequency_penalty": 2.0, "presence_penalty": 1.0}),
        ({"seed": 9999999999}, {"seed": 9999999999}),
    ],
)
def test_values_that_schemas_allow_are_mapped_to_what_engines_take(card, given, sampled) -> None:
    sampling = TASK.prepare(card, {"prompt": "x", **given}, None).sampling
    assert {name: getattr(sampling, name) for name in sampled} == sampled


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"max_tokens": 0}, "max_tokens: expected an integer of at least 1; got 0"),
        ({"seed": 2**64}, "seed: expected an integer that fits 64 bits"),
        ({"temperature": "hot"}, r"Expected `float \| null`, got `str` - at `\$.temperature`"),
    ],
)
def test_what_no_engine_takes_is_an_input_error(card, given, text) -> None:
    with pytest.raises(InputError, match=text):
        TASK.prepare(card, {"prompt": "x", **given}, None)


def test_an_empty_conversation_is_refused(card) -> None:
    with pytest.raises(InputError, match="at least one message"):
        TASK.prepare(card, {"messages": []}, None)


def test_collected_text_and_streamed_text_are_equal() -> None:
    """WA-048, WA-049, WA-058, WA-060"""
    pieces = (" Hel", "", "lo ", "wörld")
    collected = asyncio.run(TASK.collect(chunks(*pieces)))
    events = b"".join(asyncio.run(events_of(*pieces)))
    frames = [json.loads(event[6:]) for event in events.split(b"\n\n") if event.startswith(b"data: {")]
    assert "".join(frame["response"] for frame in frames) == collected["response"] == " Hello wörld"
    assert frames[-1]["usage"] == collected["usage"] == {
        "prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11,
    }  # fmt: skip


def test_a_stream_ends_with_usage_and_done_in_one_write() -> None:
    """WA-057, WA-059"""
    last = asyncio.run(events_of("a", "b"))[-1]
    assert last.endswith(b"data: [DONE]\n\n")
    assert b'"usage"' in last
