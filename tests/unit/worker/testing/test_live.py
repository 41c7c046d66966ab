"""Who may have engines."""

from __future__ import annotations

import fcntl
import uuid

import pytest

from paddock.worker.testing import live


def test_one_process_of_a_run_has_engines_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """DT-092"""
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    held = live._locked()
    assert held is not None
    with open(held.name, "w") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    held.close()
    with open(held.name, "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_process_alone_needs_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_TESTRUNUID", raising=False)
    assert live._locked() is None
