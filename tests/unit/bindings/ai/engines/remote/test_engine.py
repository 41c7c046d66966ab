"""Remote engines in front of stubs: loading, routing, retries, cancelling, and what a lost server means."""

import asyncio
import logging
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.errors import EngineDead, EngineOverloaded, EngineUnavailable

CHAT = "/v1/chat/completions"


def test_an_answer_comes_in_chunks(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            assert (p.engine.state, p.engine.starts) == ("cold", 0)
            chunks = await p.ask()
            assert [chunk.text for chunk in chunks] == ["Hel", "lo"]
            assert (p.engine.state, p.engine.starts, p.engine.pid) == ("warm", 1, None)

    asyncio.run(main())


def test_connections_are_used_again(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            for _ in range(5):
                await p.ask()
            assert len(p.stub.connections) == 1

    asyncio.run(main())


def test_the_key_is_sent_and_never_logged(place: Any, wire: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with place(key="s3cret") as p:
            await p.ask()
            p.stub.say(CHAT, wire.said({"error": "no"}, 401))
            with pytest.raises(EngineUnavailable) as caught:
                await p.ask()
            assert "s3cret" not in f"{caught.value} {caught.value.hint} {p.engine._settings!r}"
            assert {asked.headers["authorization"] for asked in p.stub.asked} == {"bearer s3cret"}

    with caplog.at_level(logging.DEBUG, "paddock"):
        asyncio.run(main())
    assert "s3cret" not in caplog.text


def test_proxies_of_the_environment_are_passed_by(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with place() as p:
            assert await p.text() == "Hello"

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    asyncio.run(main())


def test_no_server_at_all_names_every_address_and_cause(place: Any) -> None:
    async def main() -> None:
        async with place(2) as p:
            for stub in p.stubs:
                await stub.stop()
            with pytest.raises(EngineUnavailable) as caught:
                await p.ask()
            assert all(stub.url in caught.value.message for stub in p.stubs)
            assert caught.value.message.count("attempts failed") + caught.value.message.count("refused") >= 2
            assert caught.value.retry_after_s == 1
            assert (p.engine.state, p.engine.starts) == ("failed", 0)

    asyncio.run(main())


def test_a_failed_server_is_left_alone_and_asked_for_its_health_before_it_is_used_again(place: Any) -> None:
    async def main() -> None:
        async with place() as p:
            await p.ask()
            port = int(p.stub.url.rpartition(":")[2])
            await p.stub.stop()
            with pytest.raises(EngineUnavailable):
                await p.ask()
            await p.stub.start(port)
            p.stub.asked.clear()
            with pytest.raises(EngineUnavailable):
                await p.ask()
            assert p.stub.asked == [], "not before its pause is over"
            p.clock.advance(1)
            assert await p.text() == "Hello"
            assert p.stub.asked[0].path == "/health"
            assert (p.engine.state, p.engine.starts) == ("warm", 2)

    asyncio.run(main())


def test_a_sick_server_is_not_used(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place(2) as p:
            p.stubs[0].say("/health", wire.said(b"", 503))
            for _ in range(6):
                await p.ask()
            assert (len(p.stubs[0].bodies()), len(p.stubs[1].bodies())) == (0, 6)

    asyncio.run(main())


@pytest.mark.parametrize("status", [502, 503])
def test_another_server_answers_for_one_that_cannot(place: Any, wire: SimpleNamespace, status: int) -> None:
    async def main() -> None:
        async with place(2) as p:
            p.stubs[0].say(CHAT, wire.said(b"", status))
            for index in range(40):
                assert await p.text(wire.ask(f"Question {index}")) == "Hello"
            asked = len(p.stubs[0].bodies())
            assert asked == 1 if status == 502 else asked > 1, "one that is only busy stays in use"

    asyncio.run(main())


@pytest.mark.parametrize("events", [(None,), ({"choices": []}, None), ("nonsense",), (b"x" * 9_000_000,)])
def test_another_server_answers_for_one_that_breaks_off_before_its_first_chunk(
    place: Any, wire: SimpleNamespace, events: tuple[Any, ...]
) -> None:
    async def main() -> None:
        async with place(2) as p:
            p.stubs[0].say(CHAT, wire.said(events=events))
            for index in range(40):
                assert await p.text(wire.ask(f"Question {index}")) == "Hello"
            assert len(p.stubs[0].bodies()) == 1

    asyncio.run(main())


@pytest.mark.parametrize("rest", [(None,), (), ("nonsense",), ({"error": {"message": "no", "code": 500}},)])
def test_a_stream_that_breaks_in_the_middle_is_not_run_again(
    place: Any, wire: SimpleNamespace, rest: tuple[Any, ...]
) -> None:
    async def main() -> None:
        async with place(2) as p:
            for stub in p.stubs:
                stub.say(CHAT, wire.said(events=(wire.chat({"content": "Hel"}, 1), *rest)))
            pieces = []
            with pytest.raises(EngineDead):
                async with aclosing(p.engine.generate(wire.ask())) as chunks:
                    async for chunk in chunks:
                        pieces.append(chunk.text)
            assert pieces == ["Hel"]
            assert sum(len(stub.bodies()) for stub in p.stubs) == 1

    asyncio.run(main())


def test_an_answer_that_is_whole_is_given_though_its_end_is_missing(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say(CHAT, wire.said(events=(wire.chat({"content": "Hello"}, 1, "stop"), None)))
            (chunk,) = await p.ask()
            assert (chunk.text, chunk.finish_reason) == ("Hello", "stop")

    asyncio.run(main())


def test_a_bad_request_is_asked_once(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place(2) as p:
            for stub in p.stubs:
                stub.say(CHAT, wire.said({"error": {"message": "no", "code": 400}}, 400))
            with pytest.raises(Exception, match="no"):
                await p.ask()
            assert sum(len(stub.bodies()) for stub in p.stubs) == 1
            assert p.engine.state == "warm"

    asyncio.run(main())


def test_like_prompts_meet_at_one_server_until_it_is_busy(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place(2) as p:
            for _ in range(6):
                await p.ask()
            other, favourite = sorted(p.stubs, key=lambda stub: len(stub.bodies()))
            assert (len(other.bodies()), len(favourite.bodies())) == (0, 6)
            for stub in p.stubs:
                stub.gate.clear()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(20):
                    tasks.create_task(p.ask())
                await asyncio.gather(favourite.arrival(6 + 8), other.arrival(8))
                for stub in p.stubs:
                    stub.gate.set()
            assert len(favourite.bodies()) - 6 + len(other.bodies()) == 20
            assert len(favourite.bodies()) - 6 > len(other.bodies()), "what is over the slack goes to the other"

    asyncio.run(main())


def test_a_closed_generator_ends_the_request_at_the_server(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.gate.clear()
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(p.ask())
                await p.stub.arrival()
                task.cancel()
            await p.stub.broken.wait()
            assert (await p.engine.stats()).running == 0
            p.stub.gate.set()
            assert await p.text() == "Hello"

    asyncio.run(main())


def test_closing_ends_what_is_open_and_the_next_call_connects_again(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place() as p:
            p.stub.say(CHAT, wire.said(events=(wire.chat({"content": "Hel"}, 1), None)))
            chunks = p.engine.generate(wire.ask())
            await p.engine.load()
            p.stub.gate.set()
            await anext(chunks)
            await p.engine.close()
            assert p.engine.state == "cold"
            with pytest.raises(EngineDead):
                await anext(chunks)
            p.stub.say(CHAT, wire.hello())
            assert await p.text() == "Hello"

    asyncio.run(main())


def test_one_more_than_may_be_open_is_refused(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place(max_open_requests=1) as p:
            async with aclosing(p.engine.generate(wire.ask())) as chunks:
                await anext(chunks)
                with pytest.raises(EngineOverloaded):
                    await p.ask()
            assert await p.text() == "Hello"

    asyncio.run(main())


def test_calls_at_the_start_look_at_the_servers_once(place: Any) -> None:
    async def main() -> None:
        async with place() as p:
            await asyncio.gather(*(p.ask() for _ in range(10)))
            assert sum(asked.path == "/v1/models" for asked in p.stub.asked) == 1

    asyncio.run(main())


def test_counts_are_the_servers_and_the_peak_is_ours(place: Any, wire: SimpleNamespace) -> None:
    async def main() -> None:
        async with place(2) as p:
            assert tuple(await p.engine.stats()) == (0, 0, 0, 0.0)
            rows = (
                '# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{engine="0",model_name="m"} 3.0\n'
                'vllm:num_requests_running{engine="1",model_name="m"} 1.0\n'
                'vllm:kv_cache_usage_perc{engine="0"} 0.5\nvllm:kv_cache_usage_perc{engine="1"} 0.0\n'
                'vllm:num_requests_waiting{engine="0"} 2.0\nvllm:num_requests_waiting_by_reason{reason="x"} 9.0\n'
            )
            for stub in p.stubs:
                stub.say("/metrics", wire.said(rows.encode(), kind="text/plain"))
            await asyncio.gather(*(p.ask() for _ in range(3)))
            assert tuple(await p.engine.stats()) == (8, 4, 3, 0.25)

    asyncio.run(main())
