"""What the server says of an event to tail workers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paddock.worker import wire
from paddock.worker.errors import CpuLimitExceeded, IsolateCrashed, MemoryLimitExceeded
from paddock.worker.peer import PeerFault
from paddock.worker.tail import Tail, TracedEvent


def event(kind: str, body: bytes = b"", **head: Any) -> dict[str, Any]:
    fetch = wire.Fetch(
        wire.FetchId(2), kind, head.pop("method", "GET"), "http://w/", head.pop("headers", ()), None, **head
    )
    told: dict[str, Any] = TracedEvent(fetch, body).item("worker", b"")
    return told


@pytest.mark.parametrize(
    ("kind", "head", "body", "info"),
    [
        ("fetch", {}, b"", {"request": {"headers": (), "method": "GET", "url": "http://w/"}}),
        ("call", {"method": "greet"}, b"", {"rpcMethod": "greet"}),
        ("scheduled", {}, b'{"cron": "* * * * *", "time_ms": 5}', {"scheduledTime": 5, "cron": "* * * * *"}),
        ("queue", {}, b'{"queue": "jobs", "messages": [1, 2]}', {"queue": "jobs", "batchSize": 2}),
        (
            "email",
            {"headers": (("mail-from", "a@x"), ("rcpt-to", "b@x"))},
            b"mail",
            {"mailFrom": "a@x", "rcptTo": "b@x", "rawSize": 4},
        ),
    ],
)
def test_each_kind_of_event_has_what_the_runtime_says_of_it(
    kind: str, head: dict[str, Any], body: bytes, info: dict[str, Any]
) -> None:
    """Source: workerd, api/trace."""
    assert event(kind, body, **head)["event"] == info


def test_a_named_entrypoint_is_named() -> None:
    assert event("fetch", entrypoint="Admin")["entrypoint"] == "Admin"
    assert "entrypoint" not in event("fetch")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (CpuLimitExceeded(10), "exceededCpu"),
        (MemoryLimitExceeded(10), "exceededMemory"),
        (IsolateCrashed(-9, (), has_started=True), "internalError"),
        (PeerFault("Error", "x"), "exception"),
        (asyncio.CancelledError(), "canceled"),
    ],
)
def test_what_ended_an_event_is_its_outcome(error: BaseException, outcome: str) -> None:
    """Source: workerd, io/outcome."""
    traced = TracedEvent(wire.Fetch(wire.FetchId(2), "fetch", "GET", "http://w/", (), None), None)
    traced.failed(error)
    assert traced.item("worker", b'{"outcome": "ok"}')["outcome"] == outcome


def test_tail_events_are_not_told_of() -> None:
    async def nobody() -> Any:
        raise AssertionError

    tail = Tail("worker", [nobody], asyncio.TaskGroup())
    assert tail.open(wire.Fetch(wire.FetchId(2), "tail", "POST", "http://w/", (), None), b"[]") is None


def test_a_consumer_that_fails_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> Any:
        raise PeerFault("Error", "no tail here")

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            tail = Tail("worker", [broken], tasks)
            traced = tail.open(wire.Fetch(wire.FetchId(2), "fetch", "GET", "http://w/", (), None), None)
            assert traced is not None
            tail.close(traced, b"")

    asyncio.run(run())
    assert "no tail here" in caplog.text


def test_consumers_that_are_far_behind_miss_events(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        never = asyncio.get_running_loop().create_future()

        async def stuck() -> Any:
            await never

        async with asyncio.TaskGroup() as tasks:
            tail = Tail("worker", [stuck], tasks)
            traced = TracedEvent(wire.Fetch(wire.FetchId(2), "fetch", "GET", "http://w/", (), None), None)
            for _ in range(1001):
                tail.close(traced, b"")
            assert "tail_dropped worker=worker" in caplog.text
            never.set_exception(PeerFault("Error", "over"))

    asyncio.run(run())
