"""What a saved configuration may change while the server runs."""

from __future__ import annotations

import pytest

from paddock.worker.reconfigure import with_fixed

QUEUE = "[queues]\nconsumers = [{queue = 'a', max_batch_size = 3}]\n"


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("[dev]\nport = 9000\n", "dev.port takes effect at the next start: until then it is 8787, not 9000."),
        ("[paddock.engine]\nkind = 'off'\n", 'paddock.engine.kind takes effect at the next start: until then it is "'),
        ("[paddock.engine]\nconcurrency = 2\n", "paddock.engine.concurrency takes effect at the next start"),
        (QUEUE, "queues.consumers takes effect at the next start"),
    ],
)
def test_what_the_process_was_started_with_stays_and_is_named(project, text: str, notice: str) -> None:
    """DT-034"""
    before = project.load()
    kept, notices = with_fixed(before, project.load(text))
    assert [line.startswith(notice) for line in notices] == [True]
    assert (kept.dev, kept.consumers, kept.paddock.engine) == (before.dev, (), before.paddock.engine)


def test_everything_else_changes(project) -> None:
    """DT-034"""
    text = "[vars]\nA = 'b'\n[limits]\ncpu_ms = 7\n[paddock]\nmemory_mb = 99\n[paddock.engine]\nkeep_alive = '1m'\n"
    kept, notices = with_fixed(project.load(), project.load(text))
    assert notices == []
    assert (kept.vars, kept.limits.cpu_ms, kept.paddock.memory_mb) == ({"A": "b"}, 7, 99)
    assert kept.paddock.engine.keep_alive == "1m"
