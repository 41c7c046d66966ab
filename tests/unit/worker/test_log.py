"""The log: level names, marks, redaction, and the request line of DT-019 to DT-022."""

from __future__ import annotations

import io
import logging

import pytest

from paddock.bindings.ai.price import TokenPrice
from paddock.bindings.binding import CallRecord
from paddock.worker.log import (
    LEVELS,
    LOG,
    ConsoleFormatter,
    Fields,
    Redactor,
    choose_level,
    request_line,
    set_up_logging,
    wants_colour,
)

CALL = CallRecord(
    model="@cf/microsoft/phi-2", prompt_tokens=41, completion_tokens=128, ttft_s=0.092, duration_s=0.092 + 127 / 104
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream() -> io.StringIO:
    """A log stream."""
    return io.StringIO()


def record(level: int, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("paddock.test", level, __file__, 1, message, args, None)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (logging.DEBUG, "[paddock:debug] hi"),
        (LOG, "hi"),
        (logging.INFO, "[paddock:info] hi"),
        (logging.WARNING, "▲ [WARNING] hi"),
        (logging.ERROR, "✘ [ERROR] hi"),
    ],
)
def test_messages_carry_wranglers_marks(level: int, shown: str) -> None:
    assert ConsoleFormatter().format(record(level, "hi")) == shown


@pytest.mark.parametrize(
    ("level", "messages"),
    [
        ("debug", ["debug", "log", "info", "warn", "error"]),
        ("log", ["log", "info", "warn", "error"]),
        ("info", ["info", "warn", "error"]),
        ("warn", ["warn", "error"]),
        ("error", ["error"]),
        ("none", []),
    ],
)
def test_level_lets_through_what_wranglers_does(stream: io.StringIO, level: str, messages: list[str]) -> None:
    """DT-024: `none` prints nothing."""
    set_up_logging(choose_level(level), stream=stream)
    logger = logging.getLogger("paddock.test")
    numbers = {"debug": 10, "log": LOG, "info": 20, "warn": 30, "error": 40}
    for name, number in numbers.items():
        logger.log(number, "<%s>", name)
    assert [name for name in numbers if f"<{name}>" in stream.getvalue()] == messages


def test_other_libraries_are_heard_from_warnings_on(stream: io.StringIO) -> None:
    set_up_logging("log", stream=stream)
    logging.getLogger("hypercorn").info("chatter")
    logging.getLogger("hypercorn").warning("trouble")
    assert stream.getvalue() == "▲ [WARNING] trouble\n"


def test_secrets_are_hidden_everywhere(stream: io.StringIO) -> None:
    """DT-004: in messages, in arguments and in tracebacks."""
    set_up_logging("log", ["hunter2222"], stream=stream)
    try:
        raise ValueError("bad key hunter2222")
    except ValueError:
        logging.getLogger("paddock.test").exception("key=%s failed", "hunter2222")
    assert "hunter2222" not in stream.getvalue()
    assert stream.getvalue().count("(hidden)") >= 2


def test_longer_secret_goes_before_the_one_inside_it() -> None:
    assert Redactor(["secret", "secret-and-more"]).redact("is secret-and-more") == "is (hidden)"


def test_text_too_short_to_be_a_secret_is_left_alone() -> None:
    assert Redactor(["", "1"]).redact("GET / 200 OK (11ms)") == "GET / 200 OK (11ms)"


def test_level_of_the_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_LOG", "error")
    assert choose_level("debug") == "debug"
    assert choose_level(None) == "error"


def test_level_defaults_to_log() -> None:
    assert choose_level(None) == "log"


def test_unknown_level_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=", ".join(LEVELS)):
        choose_level("loud")


def test_colour_needs_a_terminal_and_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """DT-020."""
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())


def test_request_line_has_method_path_status_and_time() -> None:
    """DT-019: without the query."""
    assert request_line("GET", "/a/b?q=private", 200, 0.0124) == "GET /a/b 200 OK (12ms)"


def test_request_line_shows_seconds_when_there_are_some() -> None:
    assert request_line("POST", "/chat", 200, 1.309) == "POST /chat 200 OK (1.31s)"


def test_request_line_of_an_unknown_status_has_no_words() -> None:
    assert request_line("GET", "/", 299, 0) == "GET / 299 (0ms)"


@pytest.mark.parametrize(("status", "colour"), [(200, 32), (404, 33), (500, 31), (302, 34)])
def test_status_colours(status: int, colour: int) -> None:
    """DT-020: green, yellow, red; blue for the rest."""
    assert f"\x1b[1;{colour}m{status} " in request_line("GET", "/", status, 0, colour=True)


def test_request_line_appends_ai_calls() -> None:
    """DT-022."""
    line = request_line("POST", "/chat", 200, 1.31, [CALL])
    assert line == "POST /chat 200 OK (1.31s) · AI 1 call · phi-2 · 41→128 tok · ttft 92ms · 104 tok/s"


def test_request_line_adds_up_several_calls() -> None:
    other = CallRecord(model="@cf/meta/llama-2-7b-chat-fp16", prompt_tokens=9, completion_tokens=2)
    line = request_line("POST", "/", 200, 0.1, [CALL, CALL, other])
    assert " · AI 3 calls · phi-2, llama-2-7b-chat-fp16 · 91→258 tok · " in line


def test_request_line_adds_up_what_calls_would_have_cost() -> None:
    priced = CallRecord(model="@cf/a/b", prompt_tokens=1_000_000, price=TokenPrice(0.011, 0.0))
    assert "· 2000.000 neurons ($0.022000)" in request_line("POST", "/", 200, 0.1, [priced, CALL, priced])


def test_request_line_tells_how_a_call_failed() -> None:
    failed = CallRecord(model="@cf/microsoft/phi-2", outcome="engine_dead")
    assert request_line("GET", "/", 500, 0.1, [failed]).endswith(" · AI 1 call · phi-2 · engine_dead")


def test_fields_are_words_without_spaces() -> None:
    fields = Fields(model="@cf/x", load_s=4.2, note="two words", left_out=None, empty="")
    assert str(fields) == 'model=@cf/x load_s=4.2 note="two words" empty=""'
