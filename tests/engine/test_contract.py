"""What every engine promises, asked of the scripted one, of ours, and of vLLM's own server."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai.engines.scripted import ScriptedEngine
from paddock.bindings.errors import ContextOverflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from paddock.bindings.ai.engines.protocol import Engine

WORDS = " ".join(str(number) for number in range(3000))


#: Where the core of our own engine runs.
_FORMS: dict[str, Any] = {"vllm": {}, "vllm-core-process": {"core_process": True}}


@pytest.fixture(params=["scripted", "vllm", "vllm-core-process", "remote"])
def engine(request: pytest.FixtureRequest, tireless: Path) -> Engine:
    """An engine whose answers go on until `max_tokens`, with room for 2,048 tokens."""
    if request.param == "scripted":
        return ScriptedEngine([WORDS] * 100, context_tokens=2048)
    real: Engine = (
        request.getfixturevalue("remote_engine")
        if request.param == "remote"
        else request.getfixturevalue("engine_of")(tireless, **_FORMS[request.param])
    )
    return real


def test_chunks_carry_counts_and_reason_where_they_belong(engine: Engine, run: Any, ask: Any, answer: Any) -> None:
    chunks = run(answer(engine, ask("Tell me about lighthouses.", max_tokens=9))).chunks
    assert sum(chunk.tokens for chunk in chunks) == 9
    assert chunks[0].prompt_tokens > 0
    assert all(chunk.prompt_tokens is None for chunk in chunks[1:])
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason is not None] == ["length"]
    assert chunks[-1].finish_reason == "length"


def test_prompt_counts_as_messages_do(engine: Engine, run: Any, ask: Any, answer: Any) -> None:
    (chunk, *_) = run(answer(engine, ask(prompt="Once upon a time", max_tokens=1))).chunks
    assert chunk.prompt_tokens >= 4


def test_context_overflow_names_both_numbers_before_the_first_chunk(
    engine: Engine, run: Any, ask: Any, answer: Any
) -> None:
    """WA-050"""
    with pytest.raises(ContextOverflow, match=r"\(\d+\) exceeded this model context window limit \(2048\)"):
        run(answer(engine, ask("Tell me about lighthouses.", max_tokens=2047)))


def test_prompt_alone_over_the_context_is_the_same_error(engine: Engine, run: Any, ask: Any, answer: Any) -> None:
    with pytest.raises(ContextOverflow, match=r"\(2048\)"):
        run(answer(engine, ask(prompt=WORDS, max_tokens=1)))


def test_answer_that_fills_the_context_exactly_is_given(engine: Engine, run: Any, ask: Any, answer: Any) -> None:
    request = ask("Hi", max_tokens=1)
    prompt_tokens = run(answer(engine, request)).chunks[0].prompt_tokens
    chunks = run(answer(engine, ask("Hi", max_tokens=2048 - prompt_tokens))).chunks
    assert sum(chunk.tokens for chunk in chunks) == 2048 - prompt_tokens


def test_closed_generator_leaves_the_engine_to_others(engine: Engine, run: Any, ask: Any, answer: Any) -> None:
    async def main() -> None:
        async with aclosing(engine.generate(ask("Tell me about lighthouses.", max_tokens=1500))) as chunks:
            await anext(chunks)
        assert (await answer(engine, ask("Hello", max_tokens=3))).chunks[-1].finish_reason == "length"

    run(main())


def test_calls_at_the_same_time_do_not_mix(engine: Engine, run: Any, ask: Any, answer: Any) -> None:
    async def main() -> None:
        answers = await asyncio.gather(*(answer(engine, ask(f"Count to {n}.", max_tokens=n)) for n in range(1, 21)))
        assert [sum(chunk.tokens for chunk in one.chunks) for one in answers] == list(range(1, 21))

    run(main())


def test_state_is_warm_after_an_answer(engine: Engine, run: Any, ask: Any, answer: Callable[..., Any]) -> None:
    run(answer(engine, ask("Hello", max_tokens=1)))
    assert engine.state == "warm"
