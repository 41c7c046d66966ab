"""The engine against real host processes that run the real step loop, without vLLM."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import struct
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from paddock.bindings.ai.engines.embedded import EmbeddedEngine
from paddock.bindings.ai.engines.forkserver import ForkServer
from paddock.bindings.ai.engines.hostplan import HostPlan
from paddock.bindings.ai.engines.protocol import Adapter, EngineRequest, SamplingParams
from paddock.bindings.ai.engines.settings import EngineSettings
from paddock.bindings.errors import (
    ContextOverflow,
    EngineDead,
    EngineError,
    EngineOverloaded,
    EngineUnavailable,
    InputError,
    LoraNotFound,
    LoraUnsupported,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    OpenEngine = Callable[..., AbstractAsyncContextManager[EmbeddedEngine]]


def _ask(prompt: str, *, adapter: Adapter | None = None, **sampling: Any) -> EngineRequest:
    return EngineRequest(sampling=SamplingParams(**{"max_tokens": 100, **sampling}), prompt=prompt, adapter=adapter)


async def _read(engine: EmbeddedEngine, prompt: str, **more: Any) -> str:
    return "".join([chunk.text async for chunk in engine.generate(_ask(prompt, **more))])


async def _pid_of_running(engine: EmbeddedEngine) -> int:
    await engine.load()
    assert engine.pid is not None
    return engine.pid


def test_first_call_loads_the_model_and_answers(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            states = [engine.state]
            chunks = [chunk async for chunk in engine.generate(_ask("one two"))]
            states.append(engine.state)
        assert states == ["cold", "warm"]
        assert [chunk.text for chunk in chunks] == ["one ", "two ", ""]
        assert [chunk.prompt_tokens for chunk in chunks] == [2, None, None]
        assert [chunk.finish_reason for chunk in chunks] == [None, None, "stop"]

    asyncio.run(main())


def test_whole_answer_comes_as_its_first_chunk_and_the_rest(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            request = msgspec.structs.replace(_ask("one two three"), is_whole=True)
            first, rest = [chunk async for chunk in engine.generate(request)]
        assert (first.text, first.tokens, first.prompt_tokens) == ("one ", 1, 3)
        assert (rest.text, rest.tokens, rest.finish_reason) == ("two three ", 3, "stop")

    asyncio.run(main())


def test_calls_at_the_same_time_share_one_load(open_engine: OpenEngine, caplog: pytest.LogCaptureFixture) -> None:
    """DT-096, DT-097"""

    async def main() -> None:
        async with open_engine() as engine:
            texts = await asyncio.gather(*(_read(engine, f"call {number}") for number in range(20)))
        assert texts == [f"call {number} " for number in range(20)]

    with caplog.at_level(logging.INFO):
        asyncio.run(main())
    assert [record.message.split()[0] for record in caplog.records] == [
        "engine_loading",
        "engine_ready",
        "engine_exited",
    ]
    phases = re.search(r" seconds=[\d.]+ (\w+=[\d.]+(?: \w+=[\d.]+)*) device=", caplog.records[1].message)
    assert phases, "the time of each phase"


def test_load_goes_on_when_the_call_that_began_it_is_cancelled(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await _read(engine, "impatient")
            assert await _read(engine, "patient") == "patient "

    asyncio.run(main())


def test_closing_the_generator_aborts_the_request(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            async with aclosing(engine.generate(_ask("forever"))) as chunks:
                await anext(chunks)
                assert (await engine.stats()).running == 1
            assert (await engine.stats()).running == 0

    asyncio.run(main())


def test_cancelling_the_reader_aborts_the_request(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            await engine.load()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await _read(engine, "forever")
            assert (await engine.stats()).running == 0

    asyncio.run(main())


def test_slow_reader_gets_every_token_in_joined_chunks(open_engine: OpenEngine) -> None:
    async def main() -> None:
        words = [str(number) for number in range(900)]
        async with open_engine() as engine, aclosing(engine.generate(_ask(" ".join(words)))) as chunks:
            first = await anext(chunks)
            while (await engine.stats()).running:
                pass
            rest = [chunk async for chunk in chunks]
        assert (first.text + "".join(chunk.text for chunk in rest)).split() == words
        assert sum(chunk.tokens for chunk in rest) == 900
        assert len(rest) <= 256

    asyncio.run(main())


@pytest.mark.parametrize(
    ("prompt", "error", "text"),
    [
        ("bad request", InputError, "temperature must be positive"),
        ("broken request", EngineError, "no space left on device"),
        ("word " * 950, ContextOverflow, r"\(1050\) exceeded this model context window limit \(1000\)"),
        ("word " * 5000, ContextOverflow, r"\(5100\)"),
    ],
)
def test_refused_request_raises_its_error_and_leaves_the_others_alone(
    open_engine: OpenEngine, prompt: str, error: type[Exception], text: str
) -> None:
    async def main() -> None:
        async with open_engine() as engine, aclosing(engine.generate(_ask("forever"))) as other:
            await anext(other)
            with pytest.raises(error, match=text):
                await _read(engine, prompt)
            await anext(other)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 2**63), ("seed", -(2**63) - 1), ("max_tokens", 2**64 - 1), ("max_tokens", 2**70), ("top_k", 2**70)],
)
def test_integer_beyond_64_bits_is_an_input_error(open_engine: OpenEngine, name: str, value: int) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            with pytest.raises(InputError, match=name):
                await _read(engine, "hello", **{name: value})

    asyncio.run(main())


def test_largest_integer_is_refused_alone(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            pid = await _pid_of_running(engine)
            with pytest.raises(ContextOverflow):
                await _read(engine, "hello", max_tokens=2**63 - 1)
            assert engine.pid == pid

    asyncio.run(main())


def test_more_open_requests_than_allowed_are_overload(open_engine: OpenEngine) -> None:
    """DT-103"""

    async def main() -> None:
        async with open_engine(max_open_requests=1) as engine, aclosing(engine.generate(_ask("forever"))) as first:
            await anext(first)
            with pytest.raises(EngineOverloaded):
                await _read(engine, "second")

    asyncio.run(main())


def test_killed_host_fails_its_calls_and_the_next_call_starts_another(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            async with aclosing(engine.generate(_ask("forever"))) as chunks:
                await anext(chunks)
                os.kill(await _pid_of_running(engine), signal.SIGKILL)
                with pytest.raises(EngineDead, match=r"model died .* ended with signal 9 \(SIGKILL\)"):
                    async for _ in chunks:
                        pass
            assert engine.state == "cold"
            assert await _read(engine, "again") == "again "

    asyncio.run(main())


def test_the_last_output_of_a_host_is_logged_once_and_told_to_no_caller(
    open_engine: OpenEngine, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            with pytest.raises(EngineDead) as caught:
                await _read(engine, "die")
            assert "last words" not in str(caught.value)

    asyncio.run(main())
    assert caplog.text.count("last words") == 1


def test_broken_step_ends_the_host_with_its_reason(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            with pytest.raises(EngineDead, match="RuntimeError: the kernels are broken"):
                await _read(engine, "crash")
            assert engine.starts == 1, "a call that its host had read is not tried on another"
            assert await _read(engine, "again") == "again "

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "text"), [("fails", "RuntimeError: no weights in this folder"), ("dies", "ended with exit code 7")]
)
def test_failed_load_names_phase_and_cause(open_engine: OpenEngine, name: str, text: str) -> None:
    async def main() -> None:
        async with open_engine(name) as engine:
            with pytest.raises(EngineUnavailable, match=rf"(?s)phase model.*{text}.*loading {name}"):
                await _read(engine, "hello")
            assert engine.state == "failed"

    asyncio.run(main())


def test_load_that_takes_too_long_is_killed(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine("hangs", load_timeout_s=0.5) as engine:
            with pytest.raises(EngineUnavailable, match=r"no answer within 0.5 s"):
                await _read(engine, "hello")

    asyncio.run(main())


def test_load_that_hangs_is_killed_before_its_time_is_over(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine("hangs", stall_timeout_s=1) as engine:
            with pytest.raises(EngineUnavailable, match=r"phase model\): hangs: no answer and no work for 1 s"):
                await _read(engine, "hello")

    asyncio.run(main())


def test_close_fails_open_calls_and_may_come_twice(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine, aclosing(engine.generate(_ask("forever"))) as chunks:
            await anext(chunks)
            await engine.close()
            await engine.close()
            with pytest.raises(EngineDead, match="was closed"):
                async for _ in chunks:
                    pass
            assert engine.state == "cold"

    asyncio.run(main())


def test_close_while_loading_kills_the_host(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine("hangs") as engine, asyncio.TaskGroup() as group:
            call = group.create_task(_raises_unavailable(engine))
            while not _is_loading(engine):  # noqa: ASYNC110 # nobody but this test wants to know, so there is no event
                await asyncio.sleep(0)
            await engine.close()
            await call
            assert engine.state == "cold"

    asyncio.run(main())


def test_close_while_the_fork_server_imports_does_not_wait_for_it(plan: HostPlan, tmp_path: Path) -> None:
    (tmp_path / "endless_import.py").write_text("import signal\nsignal.pause()\n")
    slow = HostPlan(host=plan.host, modules=("endless_import",), environment={"PYTHONPATH": str(tmp_path)})

    async def main() -> None:
        forkserver = ForkServer(slow)
        engine = EmbeddedEngine(EngineSettings(model_path="/nowhere", served_name="model"), forkserver)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(_raises_unavailable(engine))
            while not _is_loading(engine):  # noqa: ASYNC110 # nobody but this test wants to know, so there is no event
                await asyncio.sleep(0)
            await engine.close()
        await forkserver.close()

    asyncio.run(main())


def test_request_for_a_host_that_is_gone_fails_at_once(open_engine: OpenEngine) -> None:
    """A host may end between the end of its load and the turn of a call that waited for it."""

    async def main() -> None:
        async with open_engine() as engine:
            await engine.load()
            host = engine._host
            assert host is not None
            await engine.close()
            with pytest.raises(EngineDead):
                host.begin(_ask("too late"))

    asyncio.run(main())


def test_call_that_a_dying_host_never_read_goes_to_the_next_one(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            first = await _pid_of_running(engine)
            async with aclosing(engine.generate(_ask("forever"))) as busy:
                await anext(busy)
                os.kill(first, signal.SIGSTOP)  # it reads nothing, as one that dies reads nothing
                async with asyncio.TaskGroup() as group:
                    call = group.create_task(_read(engine, "hello"))
                    while engine.open_streams < 2:  # noqa: ASYNC110 # nobody but this test wants to know: no event
                        await asyncio.sleep(0)
                    os.kill(first, signal.SIGKILL)
                assert call.result() == "hello "
                with pytest.raises(EngineDead, match="signal 9"):
                    async for _ in busy:
                        pass
            assert engine.starts == 2

    asyncio.run(main())


def test_call_is_sent_again_once(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine("deaf") as engine:
            with pytest.raises(EngineDead, match="signal 9"):
                await _read(engine, "hello")
            assert engine.starts == 2

    asyncio.run(main())


def test_host_that_hangs_is_killed_and_its_calls_say_so(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine(stall_timeout_s=1) as engine:
            async with aclosing(engine.generate(_ask("forever"))) as chunks:
                await anext(chunks)
                os.kill(await _pid_of_running(engine), signal.SIGSTOP)
                with pytest.raises(EngineDead, match="hangs: no answer and no work for 1 s"):
                    async for _ in chunks:
                        pass
            assert await _read(engine, "again") == "again "

    asyncio.run(main())


def test_idle_host_that_hangs_costs_a_call_time_and_no_more(open_engine: OpenEngine) -> None:
    async def main() -> None:
        async with open_engine(stall_timeout_s=1) as engine:
            os.kill(await _pid_of_running(engine), signal.SIGSTOP)
            assert await _read(engine, "hello") == "hello "
            assert engine.starts == 2

    asyncio.run(main())


def _is_loading(engine: EmbeddedEngine) -> bool:
    return engine.state == "loading"


async def _raises_unavailable(engine: EmbeddedEngine) -> None:
    with pytest.raises(EngineUnavailable, match="closed while loading"):
        await _read(engine, "hello")


def test_output_of_the_host_is_logged_under_its_model(
    open_engine: OpenEngine, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with open_engine("talkative") as engine:
            await engine.load()

    with caplog.at_level(logging.DEBUG, "paddock.engine"):
        asyncio.run(main())
    assert ("paddock.engine", logging.DEBUG, "talkative: loading talkative") in caplog.record_tuples


def test_two_models_of_one_fork_server_live_and_die_apart(plan: HostPlan) -> None:
    async def main() -> None:
        forkserver = ForkServer(plan)
        first, second = (
            EmbeddedEngine(EngineSettings(model_path="/nowhere", served_name=name), forkserver) for name in ("a", "b")
        )
        texts: list[str] = await asyncio.gather(*(_read(engine, "both") for engine in (first, second)))
        assert texts == ["both ", "both "]
        os.kill(await _pid_of_running(first), signal.SIGKILL)
        assert await _read(second, "alive") == "alive "
        await first.close()
        await second.close()
        await forkserver.close()

    asyncio.run(main())


def test_adapter_without_lora_is_unsupported(open_engine: OpenEngine, tmp_path: Path) -> None:
    async def main() -> None:
        async with open_engine() as engine:
            with pytest.raises(LoraUnsupported):
                await _read(engine, "hello", adapter=_adapter(tmp_path, "cowboy"))

    asyncio.run(main())


def test_missing_adapter_is_not_found(open_engine: OpenEngine, tmp_path: Path) -> None:
    async def main() -> None:
        async with open_engine(enable_lora=True) as engine:
            with pytest.raises(LoraNotFound, match=r"Finetune cowboy not found\..*has no adapter_config.json"):
                await _read(engine, "hello", adapter=Adapter("cowboy", str(tmp_path)))

    asyncio.run(main())


def test_adapter_that_the_engine_cannot_load_is_refused_alone(open_engine: OpenEngine, tmp_path: Path) -> None:
    async def main() -> None:
        async with open_engine(enable_lora=True, max_loras=1) as engine:
            with pytest.raises(InputError, match="no such module in the model"):
                await _read(engine, "hello", adapter=_adapter(tmp_path, "unloadable"))
            assert await _read(engine, "hello", adapter=_adapter(tmp_path, "good")) == "good#2: hello "

    asyncio.run(main())


def test_changed_adapter_files_are_another_adapter(open_engine: OpenEngine, tmp_path: Path) -> None:
    async def main() -> None:
        async with open_engine(enable_lora=True) as engine:
            before = await _read(engine, "hello", adapter=_adapter(tmp_path, "cowboy"))
            after = await _read(engine, "hello", adapter=_adapter(tmp_path, "cowboy", rank=4))
        assert (before, after) == ("cowboy#1: hello ", "cowboy#2: hello ")

    asyncio.run(main())


def test_request_waits_while_every_slot_has_users(open_engine: OpenEngine, tmp_path: Path) -> None:
    async def main() -> None:
        async with open_engine(enable_lora=True, max_loras=1) as engine, asyncio.TaskGroup() as group:
            async with aclosing(engine.generate(_ask("forever", adapter=_adapter(tmp_path, "a")))) as busy:
                await anext(busy)
                waiting = group.create_task(_read(engine, "hello", adapter=_adapter(tmp_path, "b")))
                while not (await engine.stats()).held:
                    pass
                assert (await engine.stats()).adapters == ("a",)
            assert await waiting == "b#2: hello "

    asyncio.run(main())


def _adapter(folder: Path, name: str, *, rank: int = 8) -> Adapter:
    path = folder / name
    path.mkdir(exist_ok=True)
    path.joinpath("adapter_config.json").write_text(json.dumps({"r": rank, "peft_type": "LORA"}))
    header = json.dumps({"x.lora_A.weight": {"dtype": "BF16", "shape": [rank, 4], "data_offsets": [0, 0]}}).encode()
    path.joinpath("adapter_model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return Adapter(name, str(path))
