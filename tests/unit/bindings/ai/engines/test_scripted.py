"""The scripted engine: replies in order, a gate instead of sleeping, and memory of what happened."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from paddock.bindings.ai.engines.protocol import CallDelta, EngineRequest, Message, SamplingParams
from paddock.bindings.ai.engines.scripted import Call, Gate, ScriptedEngine, Thought
from paddock.bindings.errors import ContextOverflow, EngineDead, EngineError, EngineOverloaded

if TYPE_CHECKING:
    from paddock.bindings.ai.engines.protocol import EngineChunk


def _ask(prompt: str = "hello there", **sampling: Any) -> EngineRequest:
    return EngineRequest(sampling=SamplingParams(**{"max_tokens": 100, **sampling}), prompt=prompt)


def _answer(engine: ScriptedEngine, request: EngineRequest | None = None) -> list[EngineChunk]:
    async def main() -> list[EngineChunk]:
        return [chunk async for chunk in engine.generate(request or _ask())]

    return asyncio.run(main())


def _texts(engine: ScriptedEngine, request: EngineRequest | None = None) -> list[str]:
    return [chunk.text for chunk in _answer(engine, request)]


def test_text_comes_word_by_word() -> None:
    assert _texts(ScriptedEngine([" Hello, big  world\n"])) == [" Hello,", " big", "  world", "\n"]


def test_pieces_come_as_they_are() -> None:
    assert _texts(ScriptedEngine([["Hel", "lo"]])) == ["Hel", "lo"]


def test_thoughts_and_calls_are_parts_of_a_reply() -> None:
    engine = ScriptedEngine([[Thought("hm"), Call("time", {"zone": "UTC"}), Call("date", {}), "done"]])
    chunks = _answer(engine)
    assert [chunk.reasoning for chunk in chunks if chunk.reasoning] == ["hm"]
    assert [call for chunk in chunks for call in chunk.calls] == [
        CallDelta(0, "time", ""),
        CallDelta(0, None, '{"zone":"UTC"}'),
        CallDelta(1, "date", ""),
        CallDelta(1, None, "{}"),
    ]
    assert (chunks[-1].text, chunks[-1].finish_reason) == ("done", "stop")


def test_function_answers_the_request() -> None:
    assert _texts(ScriptedEngine([lambda request: f"{request.prompt}!"])) == ["hello", " there!"]


def test_replies_are_given_in_order_and_requests_remembered() -> None:
    engine = ScriptedEngine(["one", "two"])
    assert [_texts(engine, _ask(prompt)) for prompt in ("a", "b")] == [["one"], ["two"]]
    assert [request.prompt for request in engine.requests] == ["a", "b"]


def test_only_the_first_chunk_counts_the_prompt_and_only_the_last_has_a_finish_reason() -> None:
    chunks = _answer(ScriptedEngine(["one two three"]))
    assert [chunk.prompt_tokens for chunk in chunks] == [2, None, None]
    assert [chunk.finish_reason for chunk in chunks] == [None, None, "stop"]


def test_messages_are_counted_too() -> None:
    request = EngineRequest(sampling=SamplingParams(max_tokens=5), messages=(Message("user", "one two three"),))
    assert _answer(ScriptedEngine(["x"]), request)[0].prompt_tokens == 3


def test_empty_reply_is_one_empty_chunk() -> None:
    (chunk,) = _answer(ScriptedEngine([""]))
    assert (chunk.text, chunk.tokens, chunk.finish_reason) == ("", 0, "stop")


def test_max_tokens_cuts_the_reply() -> None:
    chunks = _answer(ScriptedEngine(["one two three"]), _ask(max_tokens=2))
    assert [chunk.text for chunk in chunks] == ["one", " two"]
    assert chunks[-1].finish_reason == "length"


def test_finish_reason_can_be_given() -> None:
    assert _answer(ScriptedEngine(["one"], finish_reason="error"))[-1].finish_reason == "error"


def test_error_is_raised_before_the_first_chunk() -> None:
    with pytest.raises(EngineOverloaded):
        _texts(ScriptedEngine([EngineOverloaded()]))


def test_error_among_pieces_is_raised_in_its_place() -> None:
    async def main() -> None:
        async with aclosing(ScriptedEngine([["one", EngineDead("gone")]]).generate(_ask())) as chunks:
            assert (await anext(chunks)).text == "one"
            with pytest.raises(EngineDead):
                await anext(chunks)

    asyncio.run(main())


def test_exhausted_script_says_which_request_was_not_expected() -> None:
    engine = ScriptedEngine(["one"])
    _texts(engine)
    with pytest.raises(EngineError, match="no reply for request 2"):
        _texts(engine)


def test_context_is_checked_when_given() -> None:
    with pytest.raises(ContextOverflow, match=r"\(102\).*\(50\)"):
        _texts(ScriptedEngine(["x"], context_tokens=50))


def test_gate_holds_each_chunk_until_it_is_let() -> None:
    async def main() -> None:
        gate = Gate()
        async with aclosing(ScriptedEngine(["one two three"], gate=gate).generate(_ask())) as chunks:
            async with asyncio.TaskGroup() as group:
                first = group.create_task(anext(chunks))
                await gate.arrival()
                assert gate.held == 1 and not first.done()
                gate.let()
            assert first.result().text == "one"
            gate.open()
            assert [chunk.text async for chunk in chunks] == [" two", " three"]

    asyncio.run(main())


def test_passes_given_early_are_used_later() -> None:
    gate = Gate()
    gate.let(2)
    assert _texts(ScriptedEngine(["one two"], gate=gate)) == ["one", " two"]


def test_closed_generator_is_an_abort() -> None:
    async def main() -> ScriptedEngine:
        engine = ScriptedEngine(["one two"])
        async with aclosing(engine.generate(_ask())) as chunks:
            await anext(chunks)
            assert engine.open == 1
        return engine

    engine = asyncio.run(main())
    assert engine.aborts == engine.requests
    assert engine.open == 0


def test_finished_generation_is_no_abort() -> None:
    engine = ScriptedEngine(["one two"])
    _texts(engine)
    assert engine.aborts == []


def test_reader_cancelled_at_the_gate_is_an_abort() -> None:
    async def main() -> ScriptedEngine:
        gate = Gate()
        engine = ScriptedEngine(["one"], gate=gate)
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(anext(engine.generate(_ask())))
            await gate.arrival()
            reader.cancel()
        assert gate.held == 0
        return engine

    assert len(asyncio.run(main()).aborts) == 1


def test_close_fails_what_stands_at_the_gate() -> None:
    async def main() -> None:
        gate = Gate()
        engine = ScriptedEngine(["one"], gate=gate)
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(_raises_dead(engine))
            await gate.arrival()
            await engine.close()
            await reader

    asyncio.run(main())


async def _raises_dead(engine: ScriptedEngine) -> None:
    with pytest.raises(EngineDead, match="was closed"):
        await anext(engine.generate(_ask()))


@pytest.mark.parametrize("pieces", [["one st", "op two"], ["one ", "stop", " two"]])
def test_stop_string_cuts_wherever_it_falls(pieces: list[str]) -> None:
    chunks = _answer(ScriptedEngine([pieces], finish_reason="length"), _ask(stop=("stop", "two")))
    assert "".join(chunk.text for chunk in chunks) == "one "
    assert chunks[-1].finish_reason == "stop"


def test_log_probabilities_are_given_where_they_are_asked_for() -> None:
    plain, asked = (_answer(ScriptedEngine(["one two"]), _ask(**more)) for more in ({}, {"logprobs": 1}))
    assert [len(chunk.logprobs) for chunk in plain] == [0, 0]
    assert [(one.token, one.logprob) for chunk in asked for one in chunk.logprobs] == [("one", 0.0), (" two", 0.0)]
