"""The real engine: batches, prompts, dtypes, and what happens when something dies."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.errors import ContextOverflow, EngineDead, EngineUnavailable, InputError, JsonModeUnmet

QUESTIONS = [
    "Tell me about lighthouses.",
    "Who are you?",
    "Write a short story about hedgehogs.",
    "How do I bake bread without an oven?",
    "Write a JSON object with the keys name and age.",
    "Repeat after me: seven green bottles",
]

#: A server that loads one model, streams from it and is killed from outside. Prints its children.
SERVER = """
import asyncio, sys
from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.protocol import EngineRequest, SamplingParams
from paddock.bindings.ai.engines.settings import EngineSettings

async def main():
    forkserver = ForkServer()
    forkserver.start()
    engine = EmbeddedEngine(EngineSettings(model_path=sys.argv[1], served_name="model"), forkserver)
    async for chunk in engine.generate(EngineRequest(SamplingParams(max_tokens=2000), prompt="Hello")):
        if chunk.prompt_tokens is not None:
            print(forkserver.pid, engine.pid, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("family", ["phi", "llama", "mistral"])
def test_every_architecture_answers_messages_and_prompts(
    family: str, stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    engine = engine_of(stand_ins / family)
    for request in (ask("Who are you?"), ask(prompt="Once upon a time")):
        chunks = run(answer(engine, request)).chunks
        assert sum(chunk.tokens for chunk in chunks) > 0
        assert chunks[-1].finish_reason in ("stop", "length")


def test_greedy_answer_is_the_same_alone_and_in_a_mixed_batch(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    async def main() -> None:
        engine = engine_of(stand_ins / "llama")
        alone = [(await answer(engine, ask(question))).text for question in QUESTIONS]
        noise = [ask(question, temperature=1.5, top_k=20, seed=7) for question in QUESTIONS * 3]
        mixed = await asyncio.gather(*(answer(engine, request) for request in [*map(ask, QUESTIONS), *noise]))
        assert [one.text for one in mixed[: len(QUESTIONS)]] == alone

    run(main())


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_seed_repeats_an_answer(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any, temperature: float
) -> None:
    """WA-047"""
    engine = engine_of(stand_ins / "llama")
    first, second = (run(answer(engine, ask("Hello", temperature=temperature, seed=11))).text for _ in range(2))
    assert first == second


def test_deterministic_engine_gives_the_same_text_alone_and_under_load(
    tireless: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    """WA-047: in bfloat16, where a batch of another size adds up in another order; without a seed as well."""

    async def main() -> None:
        engine = engine_of(tireless, dtype="bfloat16", deterministic=True)
        requests = [
            ask(question, temperature=t, seed=s) for question in QUESTIONS for t, s in ((0, 3), (1, 3), (1, None))
        ]
        alone = [(await answer(engine, request)).text for request in requests]
        together = await asyncio.gather(*(answer(engine, request) for request in reversed(requests)))
        assert [one.text for one in reversed(together)] == alone

    run(main())


def test_no_chunk_ends_within_a_character(stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any) -> None:
    """WA-062: these characters take several tokens each, as the schema leaves no other answer."""
    wanted = "\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{CJK UNIFIED IDEOGRAPH-706F}\N{POLICE CARS REVOLVING LIGHT}" * 3
    schema = json.dumps({"const": wanted}, ensure_ascii=False)
    result = run(answer(engine_of(stand_ins / "llama"), ask("Hello", max_tokens=200, json_schema=schema)))
    assert json.loads(result.text) == wanted
    assert sum(chunk.tokens for chunk in result.chunks) > len(wanted)
    assert not [chunk for chunk in result.chunks if "\N{REPLACEMENT CHARACTER}" in chunk.text]


def test_64_streams_run_in_one_batch_and_each_is_intact(
    tireless: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    async def main() -> None:
        engine = engine_of(tireless)
        requests = [ask(f"Tell me about number {number}.", max_tokens=40) for number in range(64)]
        answers = await asyncio.gather(*(answer(engine, request) for request in requests))
        stats = await engine.stats()
        assert stats.peak_running == 64
        assert (stats.running, stats.waiting, stats.held) == (0, 0, 0)
        assert answers[17].text == (await answer(engine, requests[17])).text
        assert all(sum(chunk.tokens for chunk in one.chunks) == 40 for one in answers)

    run(main())


def test_second_same_prompt_is_found_in_the_prefix_cache(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    engine = engine_of(stand_ins / "llama")
    request = ask("A word and another word. " * 60, max_tokens=1)
    first, second = (run(answer(engine, request)).chunks[0] for _ in range(2))
    assert first.cached_tokens == 0
    assert 0 < second.cached_tokens < second.prompt_tokens


def test_closed_generator_frees_its_request(tireless: Path, engine_of: Any, run: Any, ask: Any) -> None:
    async def main() -> None:
        engine = engine_of(tireless)
        async with aclosing(engine.generate(ask("Hello", max_tokens=1500))) as chunks:
            await anext(chunks)
            assert (await engine.stats()).running == 1
        stats = await engine.stats()
        assert (stats.running, stats.waiting) == (0, 0)

    run(main())


def test_stop_string_ends_the_answer_and_is_not_part_of_it(
    tireless: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    engine = engine_of(tireless)
    whole = run(answer(engine, ask("Tell me about lighthouses.", max_tokens=60))).text
    stop = whole[10:14]
    result = run(answer(engine, ask("Tell me about lighthouses.", max_tokens=60, stop=(stop,))))
    assert result.text == whole[: whole.index(stop)]
    assert result.chunks[-1].finish_reason == "stop"


def test_answer_to_a_json_schema_is_a_document_of_it(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    """WA-072"""
    schema = {
        "type": "object",
        "properties": {"port": {"enum": ["Kiel", "Bergen"]}, "open": {"type": "boolean"}},
        "required": ["port", "open"],
        "additionalProperties": False,
    }
    request = ask("Tell me about lighthouses.", max_tokens=200, json_schema=json.dumps(schema))
    document = json.loads(run(answer(engine_of(stand_ins / "llama"), request)).text)
    assert document["port"] in ("Kiel", "Bergen")
    assert isinstance(document["open"], bool)


@pytest.mark.parametrize("schema", ['{"type":"nosuch"}', '{"type":"array","minItems":1000000000000}'])
def test_schema_that_no_grammar_can_be_made_of_is_an_unmet_one(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any, schema: str
) -> None:
    """WA-075. Of the second one a grammar can be made, by a machine with more memory than there is."""
    with pytest.raises(JsonModeUnmet, match="JSON Model couldn't be met"):
        run(answer(engine_of(stand_ins / "llama"), ask("Hello", json_schema=schema)))


def test_log_probabilities_come_with_their_tokens(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    result = run(answer(engine_of(stand_ins / "llama"), ask("Who are you?", max_tokens=8, logprobs=2)))
    tokens = [one for chunk in result.chunks for one in chunk.logprobs]
    assert len(tokens) == sum(chunk.tokens for chunk in result.chunks)
    assert all(one.top[0][0] == one.token and one.logprob <= 0 for one in tokens), "greedy: the likeliest is drawn"


@pytest.mark.parametrize(
    ("sampling", "text"), [({"temperature": -1.0}, "temperature"), ({"top_p": 0.0}, "top_p"), ({"stop": ("",)}, "stop")]
)
def test_value_that_vllm_refuses_is_an_input_error(
    tireless: Path, engine_of: Any, run: Any, ask: Any, answer: Any, sampling: dict[str, Any], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        run(answer(engine_of(tireless), ask("Hello", **sampling)))


def test_template_of_the_settings_replaces_the_tokenizers(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    template = "{{ bos_token }}{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}"
    own, given = engine_of(stand_ins / "llama"), engine_of(stand_ins / "llama", chat_template=template)
    assert run(answer(given, ask("Who are you?"))).text == run(answer(own, ask("Who are you?"))).text


def test_template_that_raises_is_an_input_error(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    engine = engine_of(stand_ins / "llama", chat_template="{{ raise_exception('roles must alternate') }}")
    with pytest.raises(InputError, match="roles must alternate"):
        run(answer(engine, ask("Hello")))


def test_beginning_of_sequence_is_added_once(stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any) -> None:
    engine = engine_of(stand_ins / "llama")
    bare, begun = (run(answer(engine, ask(prompt=text))) for text in ("[INST] Hi [/INST]", "<s>[INST] Hi [/INST]"))
    assert bare.chunks[0].prompt_tokens == begun.chunks[0].prompt_tokens
    assert bare.text == begun.text


def test_long_prompt_is_tokenised_beside_the_steps(stand_ins: Path, engine_of: Any, run: Any, ask: Any) -> None:
    """Another stream goes on while 100,000 characters are on their way to their refusal."""

    async def main() -> None:
        engine = engine_of(stand_ins / "mistral", max_model_len=32768)
        await engine.load()
        async with asyncio.TaskGroup() as group:
            refusal = group.create_task(refused(engine))
            chunks = 0
            while not refusal.done():
                async with aclosing(engine.generate(ask("Write a short story about hedgehogs."))) as stream:
                    async for _ in stream:
                        chunks += not refusal.done()
        assert chunks >= 3

    async def refused(engine: Any) -> None:
        with pytest.raises(ContextOverflow):
            await anext(engine.generate(ask(prompt="qx " * 33_334)))

    run(main())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_every_dtype_runs_on_this_device(
    stand_ins: Path, engine_of: Any, run: Any, ask: Any, answer: Any, dtype: str
) -> None:
    """The phi-2 model card's ways to run the model are device times dtype."""
    engine = engine_of(stand_ins / "phi", dtype=dtype)
    assert sum(chunk.tokens for chunk in run(answer(engine, ask("Who are you?"))).chunks) > 0
    assert engine.details.dtype == dtype


def test_first_prompt_of_one_token_in_bfloat16(tireless: Path, engine_of: Any, run: Any, ask: Any, answer: Any) -> None:
    """On processors with AMX, vLLM 0.32 ends with an illegal instruction unless the tiles were asked for."""
    engine = engine_of(tireless, dtype="bfloat16")
    assert sum(chunk.tokens for chunk in run(answer(engine, ask(prompt="Hello", max_tokens=200))).chunks) == 200


def test_folder_without_a_model_does_not_load(tmp_path: Path, engine_of: Any, run: Any) -> None:
    engine = engine_of(tmp_path)
    with pytest.raises(EngineUnavailable, match=r"phase fork.*config\.json"):
        run(engine.load())
    assert engine.state == "failed"


def test_killed_host_fails_its_stream_and_the_next_call_is_answered(
    tireless: Path, engine_of: Any, run: Any, ask: Any, answer: Any
) -> None:
    async def main() -> None:
        engine = engine_of(tireless, max_num_seqs=4)
        async with aclosing(engine.generate(ask("Hello", max_tokens=1500))) as chunks:
            await anext(chunks)
            os.kill(engine.pid, signal.SIGKILL)
            with pytest.raises(EngineDead, match="signal 9"):
                async for _ in chunks:
                    pass
        assert engine.state == "cold"
        assert sum(chunk.tokens for chunk in (await answer(engine, ask("Hello", max_tokens=5))).chunks) == 5

    run(main())


def _only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open and /proc")
@pytest.mark.parametrize("victim", ["core", "host"])
@pytest.mark.timeout(30)  # sooner than a host counts as hung
def test_killed_core_fails_its_stream_and_host_and_core_go_together(
    tireless: Path, engine_of: Any, run: Any, ask: Any, answer: Any, victim: str
) -> None:
    async def main() -> None:
        engine = engine_of(tireless, core_process=True)
        async with aclosing(engine.generate(ask("Hello", max_tokens=1500))) as chunks:
            await anext(chunks)
            pids = {"host": engine.pid, "core": _only_child(engine.pid)}
            left = [os.pidfd_open(pid) for pid in pids.values()]
            os.kill(pids[victim], signal.SIGKILL)
            with pytest.raises(EngineDead):
                async for _ in chunks:
                    pass
        for pidfd in left:
            assert select.select([pidfd], [], [], 10)[0], "a process is left"
            os.close(pidfd)
        assert sum(chunk.tokens for chunk in (await answer(engine, ask("Hello", max_tokens=5))).chunks) == 5

    run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open and the parent death signal")
def test_kill_of_the_server_in_mid_stream_leaves_nothing_half_a_second_later(tireless: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SERVER, str(tireless)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pids = [int(pid) for pid in server.stdout.readline().split()]
        left = {os.pidfd_open(pid): pid for pid in pids}
        server.kill()
        poller = select.poll()
        for pidfd in left:
            poller.register(pidfd, select.POLLIN)
        while left and (gone := poller.poll(500)):
            for pidfd, _ in gone:
                poller.unregister(pidfd)
                os.close(pidfd)
                del left[pidfd]
    assert len(pids) == 2 and not left
