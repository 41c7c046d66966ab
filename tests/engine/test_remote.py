"""A remote engine in front of vLLM's own server on the CPU: what is mapped arrives, and what is cancelled ends."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from paddock.bindings.ai.engines.protocol import Adapter, Tool, ToolUse
from paddock.bindings.ai.engines.remote.engine import RemoteEngine
from paddock.bindings.ai.engines.remote.settings import RemoteSettings
from paddock.bindings.errors import EngineUnavailable, InputError, JsonModeUnmet, LoraNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOCK = Tool(
    "clock",
    "Tells the time",
    '{"type":"object","properties":{"zone":{"enum":["UTC","CET"]}},"required":["zone"],"additionalProperties":false}',
)


@pytest.fixture
def engine(remote_engine: RemoteEngine) -> RemoteEngine:
    return remote_engine


@pytest.fixture
def ranch_hand(stand_ins: Path) -> Adapter:
    return Adapter("ranch-hand", str(stand_ins / "ranch-hand"))


@pytest.fixture
def twice(run: Any, vllm_server: Any) -> Iterator[RemoteEngine]:
    """One server by two addresses: to the engine two servers."""
    url = vllm_server.ready()
    engine = RemoteEngine(RemoteSettings(model="@cf/x/y", urls=(url, url.replace("127.0.0.1", "localhost"))))
    yield engine
    run(engine.close())


def test_the_server_tells_what_it_is(engine: RemoteEngine, run: Any) -> None:
    run(engine.load())
    assert (engine.context_tokens, engine.pid, engine.can_sleep) == (2048, None, False)


def test_answers_are_those_of_our_own_host(
    engine: RemoteEngine, engine_of: Any, stand_ins: Path, run: Any, ask: Any, answer: Any
) -> None:
    own = engine_of(stand_ins / "mistral", enable_lora=True, max_loras=2, max_lora_rank=8)
    for wish in ({}, {"top_k": 1, "seed": 3, "temperature": 1.0}, {"stop": ("about",)}, {"logit_bias": {9: -100.0}}):
        request = ask("Tell me about lighthouses.", **{"max_tokens": 16, **wish})
        assert run(answer(engine, request)).text == run(answer(own, request)).text, wish


def test_a_prompt_that_begins_with_its_own_token_does_not_get_another(
    engine: RemoteEngine, run: Any, ask: Any, answer: Any
) -> None:
    counts = [
        run(answer(engine, ask(prompt=prompt, max_tokens=1))).chunks[0].prompt_tokens for prompt in ("Hi", "<s>Hi")
    ]
    assert counts[0] == counts[1]


def test_each_token_comes_in_its_own_chunk(engine: RemoteEngine, run: Any, ask: Any, answer: Any) -> None:
    chunks = run(answer(engine, ask("Tell me about lighthouses.", max_tokens=20))).chunks
    assert len(chunks) > 10


def test_probabilities(engine: RemoteEngine, run: Any, ask: Any, answer: Any) -> None:
    for form in ({"question": "Hello"}, {"prompt": "Hello"}):
        chunks = run(answer(engine, ask(**form, max_tokens=4, logprobs=3))).chunks
        drawn = [logprob for chunk in chunks for logprob in chunk.logprobs]
        assert len(drawn) == 4
        for token in drawn:
            assert (token.token, token.logprob) == token.top[0], "greedy draws the likeliest"
            assert len(token.top) == 3
        assert "".join(token.token for token in drawn) == "".join(chunk.text for chunk in chunks)


def test_a_schema_holds(engine: RemoteEngine, run: Any, ask: Any, answer: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"mood": {"enum": ["calm", "wild"]}, "age": {"type": "integer", "maximum": 9, "minimum": 1}},
        "required": ["mood", "age"],
        "additionalProperties": False,
    }
    for form in ({"question": "Hello"}, {"prompt": "Hello"}):
        whole = run(answer(engine, ask(**form, json_schema=json.dumps(schema))))
        document = json.loads(whole.text)
        assert document["mood"] in ("calm", "wild")
        assert 1 <= document["age"] <= 9
        assert whole.chunks[-1].finish_reason == "stop"


def test_a_schema_without_grammar_and_an_unknown_token_are_refused(
    engine: RemoteEngine, run: Any, ask: Any, answer: Any
) -> None:
    with pytest.raises(JsonModeUnmet):
        run(answer(engine, ask("Hello", json_schema='{"type":"nosuch"}')))
    with pytest.raises(InputError, match="99999"):
        run(answer(engine, ask("Hello", logit_bias={99999: 1.0})))


@pytest.mark.parametrize("only", [None, "clock"])
def test_a_forced_call_is_a_call(engine: RemoteEngine, run: Any, ask: Any, answer: Any, only: str | None) -> None:
    use = ToolUse((CLOCK,), is_forced=True, only=only, most=1)
    request = msgspec.structs.replace(ask("What time is it?", max_tokens=200), tool_use=use)
    chunks = run(answer(engine, request)).chunks
    calls = [call for chunk in chunks for call in chunk.calls]
    assert [call.name for call in calls if call.name is not None] == ["clock"]
    assert json.loads("".join(call.arguments for call in calls))["zone"] in ("UTC", "CET")
    assert chunks[-1].finish_reason == "stop"


def test_a_request_that_nobody_reads_any_more_ends_at_the_server(engine: RemoteEngine, run: Any, ask: Any) -> None:
    """By the server's own figures, which follow its engine."""

    async def main() -> None:
        async with asyncio.timeout(60):
            async with aclosing(engine.generate(ask("Tell me about lighthouses.", max_tokens=1900))) as chunks:
                await anext(chunks)
                while (await engine.stats()).running != 1:
                    pass
            while (await engine.stats()).running != 0:
                pass

    run(main())


def test_two_servers_share_the_work(twice: RemoteEngine, run: Any, ask: Any, answer: Any) -> None:
    async def main() -> None:
        requests = [ask(f"Count to {number}.", max_tokens=number + 1) for number in range(12)]
        answers = await asyncio.gather(*(answer(twice, request) for request in requests))
        assert [sum(chunk.tokens for chunk in one.chunks) for one in answers] == list(range(1, 13))
        assert (await twice.stats()).peak_running == 12

    run(main())


def test_an_adapter_is_loaded_and_answers_as_in_our_own_host(
    engine: RemoteEngine, engine_of: Any, stand_ins: Path, ranch_hand: Adapter, run: Any, ask: Any, answer: Any
) -> None:
    own = engine_of(stand_ins / "mistral", enable_lora=True, max_loras=2, max_lora_rank=8)
    texts = []
    for adapter in (None, ranch_hand, None, ranch_hand):
        request = ask("Tell me about lighthouses.", adapter=adapter, max_tokens=16)
        texts.append(run(answer(engine, request)).text)
        assert texts[-1] == run(answer(own, request)).text
    assert texts[0] != texts[1]
    assert texts[:2] == texts[2:]


def test_a_missing_adapter_is_refused_and_the_server_lives(
    engine: RemoteEngine, tmp_path: Path, run: Any, ask: Any, answer: Any
) -> None:
    for path in (str(tmp_path / "nobody"), ""):
        with pytest.raises(LoraNotFound, match="Finetune nobody not found"):
            run(answer(engine, ask("Hello", adapter=Adapter("nobody", path))))
    assert run(answer(engine, ask("Hello", max_tokens=2))).chunks


def test_another_models_name_is_refused_with_those_that_there_are(run: Any, vllm_server: Any) -> None:
    async def main() -> None:
        engine = RemoteEngine(
            RemoteSettings(model="@cf/x/y", urls=(vllm_server.ready(),), remote_model="somebody/else")
        )
        with pytest.raises(EngineUnavailable, match=r"does not serve somebody/else; it serves tireless"):
            await engine.load()
        await engine.close()

    run(main())


def test_cached_prompt_tokens_are_told(engine: RemoteEngine, run: Any, ask: Any, answer: Any) -> None:
    request = ask(" ".join(itertools.repeat("lighthouse", 300)), max_tokens=2)
    cached = [max(chunk.cached_tokens for chunk in run(answer(engine, request)).chunks) for _ in range(2)]
    assert cached[1] > cached[0]
