"""What a debugger asks of the configuration, and what it needs."""

from __future__ import annotations

import importlib.util

import pytest

from paddock.worker.debugging import make_inspector, relaxed
from paddock.worker.errors import DebuggerMissing
from paddock.worker.options import DevOptions


def test_nothing_runs_out_of_time_while_somebody_looks(project) -> None:
    """DT-041: neither the request nor the watchdog nor `waitUntil` nor a model."""
    text = "[limits]\ncpu_ms = 10\n[paddock]\nisolates = 4\ncpu_limit_s = 1.0\nwait_until_s = 1.0\n"
    text += "startup_cpu_ms = 5\n[paddock.engine]\ntotal_timeout_s = 1.0\nfirst_token_timeout_s = 1.0\n"
    config = relaxed(project.load(text))
    paddock = config.paddock
    assert config.limits.cpu_ms > 1e8 and (paddock.isolates, paddock.startup_cpu_ms) == (1, None)
    assert min(paddock.cpu_limit_s, paddock.wait_until_s, paddock.isolate_start_timeout_s) > 1e5
    assert (paddock.engine.total_timeout_s, paddock.engine.first_token_timeout_s) == (None, None)


def test_without_a_port_there_is_no_debugger(project) -> None:
    assert make_inspector(project.load(), DevOptions()) is None


def test_a_missing_package_names_the_extra(project, monkeypatch: pytest.MonkeyPatch) -> None:
    """DT-041"""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "debugpy" else find(name))
    with pytest.raises(DebuggerMissing, match=r"paddock\[debug\]"):
        make_inspector(project.load("[dev]\ninspector_port = 0\n"), DevOptions())
