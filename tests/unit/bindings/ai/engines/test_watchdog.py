"""When a host counts as hanging, by a clock that the test moves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paddock.bindings.ai.engines.clock import ManualClock
from paddock.bindings.ai.engines.watchdog import Watchdog, processor_s

TIMEOUT_S = 60.0


class Host:
    """What a watchdog knows of a host."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.owes = False
        self.computed_s: float | None = 0.0
        self.bites = 0
        self.watchdog = Watchdog(
            TIMEOUT_S, self.clock, owes=lambda: self.owes, computed=lambda: self.computed_s, bite=self._die
        )

    def ask(self) -> None:
        self.watchdog.watch()
        self.owes = True

    def answer(self) -> None:
        self.watchdog.hear()
        self.owes = False

    def _die(self) -> None:
        self.bites += 1


@pytest.fixture
def host() -> Host:
    return Host()


def test_silent_and_idle_host_is_bitten_once(host: Host) -> None:
    host.ask()
    host.clock.advance(59)
    assert host.bites == 0
    host.clock.advance(500)
    assert host.bites == 1


def test_host_that_sends_is_left_alone(host: Host) -> None:
    host.ask()
    for _ in range(20):
        host.clock.advance(40)
        host.watchdog.hear()
    assert host.bites == 0


def test_host_that_computes_is_left_alone_until_it_stops(host: Host) -> None:
    host.ask()
    for _ in range(20):
        host.clock.advance(30)
        host.computed_s = (host.computed_s or 0.0) + 0.5
    assert host.bites == 0
    host.clock.advance(60)
    assert host.bites == 1


def test_a_thread_that_wakes_now_and_then_is_no_work(host: Host) -> None:
    host.ask()
    for _ in range(3):
        host.clock.advance(30)
        host.computed_s = (host.computed_s or 0.0) + 0.01
    assert host.bites == 1


def test_silence_decides_where_nobody_knows_what_it_computes(host: Host) -> None:
    host.computed_s = None
    host.ask()
    host.clock.advance(90)
    assert host.bites == 1


def test_host_that_owes_nothing_may_be_silent(host: Host) -> None:
    """And a question that comes later does not meet the silence before it."""
    host.ask()
    host.clock.advance(1)
    host.answer()
    host.clock.advance(28)
    host.ask()
    host.clock.advance(59)
    assert host.bites == 0
    host.answer()
    host.clock.advance(1000)
    host.ask()
    host.clock.advance(59)
    assert host.bites == 0


def test_questions_that_keep_coming_are_no_sign_of_life(host: Host) -> None:
    for _ in range(6):
        host.ask()
        host.clock.advance(10)
    assert host.bites == 1


def test_host_that_is_gone_is_not_watched(host: Host) -> None:
    host.ask()
    host.watchdog.stop()
    host.clock.advance(1000)
    assert host.bites == 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_processor_time_is_read_from_the_system() -> None:
    before = processor_s(os.getpid())
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    after = processor_s(os.getpid())
    assert before is not None and after is not None and after > before


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_processor_time_of_a_child_counts() -> None:
    """vLLM's engine core may run in one."""
    work = "import time\nwhile time.process_time() < 0.3: pass\nprint()\ninput()"
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        before_s = _beside_this_process()
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        assert _beside_this_process() - before_s > 0.15
        child.stdin.close()


def _beside_this_process() -> float:
    total_s = processor_s(os.getpid())
    assert total_s is not None
    return total_s - time.process_time()


def test_processor_time_of_nobody_is_unknown() -> None:
    assert processor_s(2**22 + 1) is None
