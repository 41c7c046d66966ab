"""Asynchronous batches through the REST door and the binding's: accepted, run beside other calls, fetched."""

import asyncio
import contextlib
import json
import resource
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from paddock.bindings.ai.batch.store import BatchStore
from paddock.bindings.ai.catalog import Catalog
from paddock.bindings.ai.doors import rest, wire
from paddock.bindings.ai.engines.clock import Clock, ManualClock
from paddock.bindings.ai.engines.pool import EnginePool
from paddock.bindings.ai.engines.scripted import Gate, ScriptedEngine
from paddock.bindings.ai.service import AiService
from paddock.bindings.ai.weights import find_weights
from paddock.bindings.binding import FetchRequest
from paddock.bindings.errors import EngineOverloaded
from paddock.bindings.state import StateFolder

LLAMA3 = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
PHI = "@cf/microsoft/phi-2"


class Account:
    """A service whose batches run, asked at the REST door."""

    def __init__(self, service: AiService) -> None:
        self.service = service

    async def ask(self, inputs: object, query: str = "?queueRequest=true", model: str = LLAMA3) -> tuple[int, Any]:
        url = f"http://localhost/client/v4/accounts/a/ai/run/{model}{query}"
        response = await rest.answer(
            self.service, FetchRequest("POST", url, (), json.dumps(inputs).encode()), 20_000_000
        )
        assert isinstance(response.body, bytes)
        body = json.loads(response.body)
        return response.status, body["result"] if body["success"] else body["errors"][0]

    async def queue(self, *requests: object) -> str:
        status, result = await self.ask({"requests": requests})
        assert (status, result["status"], result["model"]) == (200, "queued", LLAMA3), result
        return str(result["request_id"])

    async def answers(self, id: str) -> Any:
        """The answer of a poll, when it is done. The suite's timeout is the limit."""
        while "responses" not in (result := (await self.ask({"request_id": id}))[1]):  # noqa: ASYNC110 - as its clients do
            await asyncio.sleep(0)
        return result


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


@pytest.fixture
def account(catalog: Catalog, state: StateFolder) -> Callable[..., Any]:
    @contextlib.asynccontextmanager
    async def run(engine: ScriptedEngine, clock: Clock | None = None) -> AsyncIterator[Account]:
        pool = EnginePool(find_weights, lambda card, weights: engine, clock=clock)
        service = AiService(catalog, pool, state=state)
        async with asyncio.TaskGroup() as tasks:
            service.engines.start(tasks)
            service.batches.start(tasks)
            try:
                yield Account(service)
            finally:
                await service.batches.close()
                await service.engines.close()

    return run


def echo() -> ScriptedEngine:
    return ScriptedEngine([lambda request: f"said {request.sampling.seed}"] * 99)


def test_a_batch_is_answered_in_the_order_of_its_requests(account) -> None:
    """WA-133, WA-134, WA-135"""

    async def main() -> Any:
        async with account(echo()) as open_account:
            requests = [{"prompt": "x", "seed": n, "external_reference": f"r{n}"} for n in range(1, 21)]
            return await open_account.answers(await open_account.queue(*requests, {"prompt": "y", "seed": 99}))

    result = asyncio.run(main())
    assert [response["id"] for response in result["responses"]] == list(range(21))
    assert [response["result"]["response"] for response in result["responses"]] == [
        f"said {n}" for n in [*range(1, 21), 99]
    ]
    assert all(list(response) == ["id", "result", "success", "external_reference"] for response in result["responses"])
    assert [response["external_reference"] for response in result["responses"]] == [f"r{n}" for n in range(1, 21)] + [
        None
    ]
    assert result["usage"]["completion_tokens"] == 42
    assert result["usage"]["total_tokens"] == result["usage"]["prompt_tokens"] + 42


def test_it_is_queued_or_running_until_it_is_done(account) -> None:
    """WA-134"""
    gate = Gate()

    async def main() -> list[Any]:
        async with account(ScriptedEngine(["yes", "yes"], gate=gate)) as open_account:
            id = await open_account.queue({"prompt": "x"}, {"prompt": "y"})
            await gate.arrival()
            running = await open_account.ask({"request_id": id})
            gate.open()
            await open_account.answers(id)
            return running[1]

    running = asyncio.run(main())
    assert (running["status"], set(running)) == ("running", {"status", "request_id", "model"})


def test_the_binding_answers_without_an_envelope(account) -> None:
    """WA-133"""

    async def main() -> tuple[Any, Any]:
        async with account(echo()) as open_account:

            async def run(inputs: object, options: object = None) -> Any:
                body = json.dumps({"inputs": inputs, "options": options or {}}).encode()
                request = FetchRequest("POST", "http://ai/run?version=3", (("cf-consn-model-id", LLAMA3),), body)
                response = await wire.answer(open_account.service, request, 1_000_000)
                return json.loads(response.body)

            accepted = await run({"requests": [{"prompt": "x", "seed": 5}]}, {"queueRequest": True})
            await open_account.answers(accepted["request_id"])
            return accepted, await run({"request_id": accepted["request_id"]})

    accepted, done = asyncio.run(main())
    assert accepted["status"] == "queued"
    assert done["responses"][0]["result"]["response"] == "said 5"


def test_a_request_that_fails_fails_alone(account) -> None:
    async def main() -> Any:
        async with account(ScriptedEngine(["yes", ValueError("never asked for")])) as open_account:
            return await open_account.answers(
                await open_account.queue({"prompt": "x"}, {"prompt": "x", "lora": "none-such"})
            )

    first, second = asyncio.run(main())["responses"]
    assert (first["success"], second["success"]) == (True, False)
    assert second["errors"][0]["code"] == 3037


def test_a_full_queue_is_no_failure_of_a_batch(account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paddock.bindings.ai.batch.service._PAUSE_S", 0)

    async def main() -> Any:
        async with account(ScriptedEngine([EngineOverloaded(), "yes"])) as open_account:
            return await open_account.answers(await open_account.queue({"prompt": "x"}))

    (response,) = asyncio.run(main())["responses"]
    assert (response["success"], response["starts"]) == (True, 2)


def test_one_at_a_time_beside_other_calls_and_for_a_while_after_them(account) -> None:
    """Whoever calls again and again leaves gaps; what began in a gap would run beside the next call."""
    gate, clock = Gate(), ManualClock()

    async def main() -> tuple[int, int, int]:
        engine = ScriptedEngine(["yes"] * 20, gate=gate)
        async with account(engine, clock) as open_account, asyncio.TaskGroup() as calls:
            caller = calls.create_task(open_account.ask({"prompt": "I am waiting"}, ""))
            await gate.arrival()
            id = await open_account.queue(*[{"prompt": "x"}] * 12)
            while gate.held < 2:  # noqa: ASYNC110 - the gate tells of the first arrival only
                await asyncio.sleep(0)
            for _ in range(100):
                await asyncio.sleep(0)
            beside = engine.open - 1
            gate.let()  # the caller has its answer, and nobody else waits
            await caller
            clock.advance(0.9)
            for _ in range(100):
                await asyncio.sleep(0)
            soon = engine.open
            clock.advance(0.2)
            while gate.held < 8:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            alone = engine.open
            gate.open()
            await open_account.answers(id)
        assert [request.is_patient for request in engine.requests] == [False] + [True] * 12
        return beside, soon, alone

    assert asyncio.run(main()) == (1, 1, 8)


def test_what_was_accepted_outlives_the_process(account, state: StateFolder) -> None:
    """WA-133: what had begun runs again, and says so."""
    store = BatchStore(state)
    id = store.add(LLAMA3, [("a", {"prompt": "x", "seed": 1}), (None, {"prompt": "x", "seed": 2})])
    assert store.take() is not None
    store.close()  # the process is killed, and the kernel unlocks what it had locked

    async def main() -> Any:
        async with account(echo()) as open_account:
            await open_account.service.batches.settled()
            return (await open_account.ask({"request_id": id}))[1]

    first, second = asyncio.run(main())["responses"]
    assert (first["result"]["response"], first["starts"]) == ("said 1", 2)
    assert second["result"]["response"] == "said 2"
    assert "starts" not in second


def test_what_is_done_is_not_run_again(account, state: StateFolder) -> None:
    store = BatchStore(state)
    id = store.add(LLAMA3, [(None, {"prompt": "x"})])
    item = store.take()
    assert item is not None
    store.finish(item.number, {"result": {"response": "from before"}, "success": True})
    store.close()
    engine = ScriptedEngine()

    async def main() -> Any:
        async with account(engine) as open_account:
            return await open_account.answers(id)

    assert asyncio.run(main())["responses"][0]["result"] == {"response": "from before"}
    assert engine.requests == []


@pytest.mark.parametrize(
    ("inputs", "model", "status", "code", "said"),
    [
        ({"prompt": "x"}, LLAMA3, 400, 5006, "requests: expected a list"),
        ({"requests": []}, LLAMA3, 400, 5006, "requests"),
        ({"requests": {}}, LLAMA3, 400, 5006, "requests"),
        ({"requests": ["x"]}, LLAMA3, 400, 5006, "requests"),
        ({"requests": [{"prompt": "x", "external_reference": 7}]}, LLAMA3, 400, 5006, "external_reference"),
        ({"requests": [{"prompt": "x", "stream": True}]}, LLAMA3, 400, 5006, "stream"),
        ({"requests": [{"prompt": "x" * 10_000_001}]}, LLAMA3, 413, 3006, "at most 10000000 bytes"),
        ({"requests": [{"prompt": "x"}]}, PHI, 400, 5006, "takes no batches"),
        ({"requests": [{"prompt": "x"}]}, "@cf/x/y", 400, 5007, "No such model"),
        ({"request_id": "00000000-0000-0000-0000-000000000000"}, LLAMA3, 400, 5006, "has no batch"),
        ({"request_id": 7}, LLAMA3, 400, 5006, "has no batch"),
        ({"request_id": "' OR 1=1 --"}, LLAMA3, 400, 5006, "has no batch"),
    ],
)
def test_what_is_no_batch(account, inputs: object, model: str, status: int, code: int, said: str) -> None:
    """WA-136"""

    async def main() -> Any:
        async with account(echo()) as open_account:
            return await open_account.ask(inputs, model=model)

    answered, error = asyncio.run(main())
    assert (answered, error["code"]) == (status, code)
    assert said in error["message"]


def test_a_batch_is_its_models(account) -> None:
    async def main() -> Any:
        async with account(echo()) as open_account:
            id = await open_account.queue({"prompt": "x"})
            return await open_account.ask({"request_id": id}, model=PHI)

    assert asyncio.run(main())[0] == 400


def test_requests_without_the_option_are_no_batch(account) -> None:
    async def main() -> Any:
        async with account(echo()) as open_account:
            return await open_account.ask({"requests": [{"prompt": "x"}]}, "")

    status, error = asyncio.run(main())
    assert (status, error["code"]) == (400, 5006)


def test_two_servers_of_one_state_folder_run_nothing_twice(state: StateFolder) -> None:
    """What the first one runs is not taken for what an ended process left, until it has ended."""
    first, second, third = (BatchStore(state) for _ in range(3))
    first.add(LLAMA3, [(None, {"prompt": "x"}), (None, {"prompt": "y"})])
    mine = first.take()
    assert second.recover() == 0
    theirs = second.take()
    assert mine is not None
    assert theirs is not None
    assert (mine.inputs, theirs.inputs) == ({"prompt": "x"}, {"prompt": "y"})
    assert second.take() is None
    first.close()
    assert third.recover() == 0
    second.close()
    assert third.recover() == 2
    third.close()


def test_an_error_of_ours_ends_neither_the_server_nor_other_requests(account) -> None:
    async def main() -> Any:
        async with account(ScriptedEngine([ZeroDivisionError("ours"), "yes"])) as open_account:
            first = await open_account.answers(await open_account.queue({"prompt": "x"}))
            return first, await open_account.answers(await open_account.queue({"prompt": "y"}))

    first, second = (result["responses"][0] for result in asyncio.run(main()))
    assert (first["success"], first["errors"]) == (False, [{"code": 1000, "message": "ZeroDivisionError: ours"}])
    assert second["result"]["response"] == "yes"


def test_a_damaged_database_is_an_answer_and_no_end(account, state: StateFolder) -> None:
    """The server goes on, says what to do, and runs batches again once the file is gone."""
    file = state.file("batches.sqlite")
    file.write_bytes(b"no database, but long enough to be one" * 200)

    async def main() -> tuple[Any, Any, Any]:
        async with account(echo()) as open_account:
            added = await open_account.ask({"requests": [{"prompt": "x"}]})
            polled = await open_account.ask({"request_id": "x"})
            file.unlink()
            return added, polled, await open_account.answers(await open_account.queue({"prompt": "x", "seed": 3}))

    added, polled, done = asyncio.run(main())
    for status, error in (added, polled):
        assert (status, error["code"]) == (500, 1000)
        assert (
            "batches: what is kept in the state folder cannot be read or written: file is not a database"
            in (error["message"])
        )
    assert done["responses"][0]["result"]["response"] == "said 3"


def test_a_disk_that_is_full_for_a_while_loses_no_answer(account, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    """An answer is kept until it can be written; the log has it once."""
    monkeypatch.setattr("paddock.bindings.ai.batch.service._PAUSE_S", 0)
    gate = Gate()

    async def main() -> Any:
        async with account(ScriptedEngine(["yes"], gate=gate)) as open_account:
            id = await open_account.queue({"prompt": "x"})
            await gate.arrival()
            with limited_files(100):
                gate.open()
                while "batches_stuck" not in caplog.text:  # noqa: ASYNC110 - nothing else tells
                    await asyncio.sleep(0)
            return await open_account.answers(id)

    (response,) = asyncio.run(main())["responses"]
    assert response["result"]["response"] == "yes"
    assert "starts" not in response
    assert caplog.text.count("batches_stuck") == 1


@contextlib.contextmanager
def limited_files(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes: what a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
