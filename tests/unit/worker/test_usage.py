"""What calls would have cost, kept over restarts."""

from __future__ import annotations

import asyncio
import datetime
import logging
from pathlib import Path

import pytest

from paddock.bindings.ai.price import TokenPrice
from paddock.bindings.binding import CallRecord
from paddock.worker.usage import Usage, UsageLedger, payable_neurons, read_usage, usage_file

PRICED = CallRecord("@cf/a/priced", prompt_tokens=1_000_000, completion_tokens=5, price=TokenPrice(0.011, 0.0))
FREE = CallRecord("@cf/a/free", prompt_tokens=7, completion_tokens=3)


def write(state: Path, *calls: CallRecord) -> None:
    """A server's life: it starts, these calls end, it stops."""

    async def run() -> None:
        ledger = UsageLedger(state)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ledger.run())
            for call in calls:
                ledger.add(call)
                await asyncio.sleep(0)
            ledger.close()

    asyncio.run(run())


def test_calls_add_up_by_model_over_restarts(tmp_path: Path) -> None:
    file = usage_file(tmp_path)
    write(tmp_path, PRICED, FREE, PRICED)
    write(tmp_path, PRICED)
    free, priced = read_usage(file)
    assert (free.model, free.calls, free.prompt_tokens, free.completion_tokens) == (FREE.model, 1, 7, 3)
    assert free.neurons is None
    assert (priced.calls, priced.prompt_tokens) == (3, 3_000_000)
    assert priced.neurons == pytest.approx(3000)
    assert priced.day <= datetime.datetime.now(datetime.UTC).date().isoformat()


def test_calls_during_the_pause_after_a_write_are_written_together_at_the_latest_at_the_end(tmp_path: Path) -> None:
    file = usage_file(tmp_path)

    async def run() -> list[int]:
        ledger = UsageLedger(tmp_path, pause_s=1e6)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ledger.run())
            ledger.add(FREE)
            while not read_usage(file):  # noqa: ASYNC110 - a thread writes it
                await asyncio.sleep(0)
            for _ in range(3):
                ledger.add(FREE)
                await asyncio.sleep(0)
            seen = [read_usage(file)[0].calls]
            ledger.close()
        return [*seen, read_usage(file)[0].calls]

    assert asyncio.run(run()) == [1, 4]


def test_a_price_that_comes_later_counts_from_then_on(tmp_path: Path) -> None:
    file = usage_file(tmp_path)
    write(tmp_path, CallRecord(PRICED.model, prompt_tokens=5))
    write(tmp_path, PRICED)
    (row,) = read_usage(file)
    assert (row.calls, row.neurons) == (2, pytest.approx(1000))


def test_calls_that_reached_no_model_leave_no_trace(tmp_path: Path) -> None:
    """Their names are whatever somebody typed."""
    write(tmp_path, CallRecord("@cf/no/such", outcome="model_not_found"))
    assert list(tmp_path.iterdir()) == []


def test_state_is_kept_out_of_version_control(tmp_path: Path) -> None:
    """DT-046, its last part"""
    write(tmp_path, FREE)
    assert (tmp_path / "v1" / ".gitignore").read_text() == "*\n"


def test_what_cannot_be_written_is_reported_and_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "v1").write_text("a file where a folder should be")
    write(tmp_path, FREE)
    assert "usage_not_written" in caplog.text


def test_what_could_not_be_written_is_kept_and_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    obstacle = tmp_path / "v1"
    obstacle.write_text("a file where a folder should be")

    async def run() -> None:
        ledger = UsageLedger(tmp_path, pause_s=0)
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(ledger.run())
            for calls in (1, 2, 3):
                ledger.add(PRICED)
                while len(caplog.records) < calls:  # noqa: ASYNC110 # the log is all that tells, and has no event
                    await asyncio.sleep(0)
            obstacle.unlink()
            ledger.add(PRICED)
            ledger.close()

    with caplog.at_level(logging.DEBUG, "paddock.worker.usage"):
        asyncio.run(run())
    (row,) = read_usage(usage_file(tmp_path))
    assert (row.calls, row.prompt_tokens, row.neurons) == (4, 4_000_000, pytest.approx(4000))
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "DEBUG", "DEBUG", "INFO"]


def test_free_neurons_are_those_of_each_day() -> None:
    """The pricing page: 10,000 a day, and they do not add up"""
    days = [Usage("2026-01-01", "a", neurons=9_000.0), Usage("2026-01-01", "b", neurons=3_000.0)]
    assert payable_neurons([*days, Usage("2026-01-02", "a", neurons=1.0), Usage("2026-01-02", "c")]) == 2_000.0
