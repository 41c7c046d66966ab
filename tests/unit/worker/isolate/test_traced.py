"""What events log and raise, as it is kept for tail workers. Source: workerd, io/tracer."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate import traced
from paddock.worker.isolate.web import console
from paddock.worker.isolate.web.console import CONSOLE
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.objects import JsObject

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], dict[str, Any]]:
    """`told(code)`: what is told of an event that runs this code."""
    monkeypatch.setattr(console, "_observer", None)
    monkeypatch.setattr(traced, "_is_on", False)

    def run(code: Callable[[], object]) -> dict[str, Any]:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            traced.record()
            traced.begin()
            code()
        trace = traced.current()
        assert trace is not None
        found: dict[str, Any] = json.loads(trace.told(7))
        return found

    return lambda code: copy_context().run(run, code)


#: The linter wants no forgotten `print` in tests.
say = print


def logs(found: dict[str, Any]) -> list[tuple[str, object]]:
    return [(log["level"], log["message"]) for log in found["logs"]]


def test_lines_that_python_prints_are_logs(told) -> None:
    def code() -> None:
        say("a", 1)
        sys.stdout.write("be")
        sys.stdout.write("gun\nand ")
        say("done", file=sys.stderr)

    found = told(code)
    assert logs(found) == [("log", ["a 1"]), ("log", ["begun"]), ("error", ["done"])]
    assert (found["outcome"], found["exceptions"], found["truncated"], found["cpuTime"]) == ("ok", [], False, 7)


@pytest.mark.parametrize("level", ["debug", "info", "log", "warn", "error"])
def test_what_the_console_gets_are_values_and_are_told_once(told, level: str) -> None:
    found = told(lambda: getattr(CONSOLE, level)("%s", JsObject({"a": 1}), None))
    assert logs(found) == [(level, ["%s", {"a": 1}, "undefined"])]


def test_two_events_do_not_share_a_line(told) -> None:
    assert logs(told(lambda: sys.stdout.write("unfinished"))) == []
    assert logs(told(lambda: say("whole"))) == [("log", ["whole"])]


def test_logs_beyond_the_limit_are_not_kept(told) -> None:
    found = told(lambda: [say("x" * 100_000) for _ in range(9)])
    *whole, (level, message) = logs(found)
    assert (len(whole), level, found["truncated"]) == (2, "warn", True)
    assert message[0].startswith("Log size limit exceeded: More than 256KB of data")


@pytest.mark.parametrize(
    ("error", "name", "message"),
    [
        (JsException("TypeError", "no \ud800"), "TypeError", "no ?"),
        (ValueError("boom"), "PythonError", "ValueError: boom\n"),
    ],
)
def test_what_ends_an_event_is_kept(told, error: Exception, name: str, message: str) -> None:
    found = told(lambda: traced.fail(error))
    (exception,) = found["exceptions"]
    assert (found["outcome"], exception["name"], exception["message"]) == ("exception", name, message)


def test_nothing_is_kept_where_nobody_is_told() -> None:
    traced.begin()
    assert traced.current() is None


def test_a_process_that_goes_on_is_as_it_was() -> None:
    written = io.StringIO()

    def run() -> None:
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(io.StringIO()):
            traced.record()
            traced.stop()
            traced.begin()
            say("nobody keeps this")
        assert traced.current() is None

    copy_context().run(run)
    assert (written.getvalue(), vars(written)) == ("nobody keeps this\n", {})
