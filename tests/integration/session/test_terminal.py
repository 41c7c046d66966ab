"""A session at a terminal: the bar, the keys, the way out."""

import signal
import termios
from pathlib import Path

import pytest

from .conftest import CONFIG, HANDLER, Start

COOKED = termios.ECHO | termios.ICANON


def test_the_keys_act_in_either_case_and_the_bar_shows_them(start: Start, tmp_path: Path) -> None:
    """DT-027: `e` waits for an explorer; `w` fails here, and the server goes on."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    session = start("--log-level", "log", terminal=200, environment={"BROWSER": f"{browser} %s"})
    client = session.ready()
    session.expect(r"╭─+╮\n│ \[b\] open a browser \[r\] .* \[x\] to exit │\n╰─+╯")
    assert session.terminal_flags() & COOKED == 0
    with client:
        assert client.get("/").text == "first version"
        session.expect(r"GET.* / .*200 OK")
        session.press("R")
        session.expect("Reloading local server")
        session.press("w")
        session.expect(r"Error while handling hotkey \[w\]: .*switched off")
        session.press("u")
        session.expect("Unloaded: nothing")
        session.press("m")
        session.expect(r"@cf/microsoft/phi-2 .*cold")
        session.press("\x1b[A")  # an arrow: its letters are no keys
        session.press("C")
        session.expect(r"\x1b\[2J\x1b\[3J\x1b\[H╭")
        session.press("B")
        session.press("u")
        session.expect("Unloaded: nothing")
        assert client.get("/").text == "first version"
    session.press("Q")
    assert session.end(None) == 0
    assert opened.read_text() == f"{client.base_url}\n"
    assert "Shutting down local server" in session.said


@pytest.mark.parametrize(("key", "code"), [("x", 0), ("\x03", 130)])
def test_the_terminal_is_as_it_was_behind_every_exit(start: Start, key: str, code: int) -> None:
    """DT-048, DT-024: with the lowest level, the bar is all that is printed."""
    session = start("--log-level", "none", terminal=200)
    before = session.terminal_flags()
    session.expect("╯")
    session.press(key)
    assert session.end(None) == code
    assert session.said.startswith("╭") and session.said.rstrip("^C\n").endswith("╯")
    assert before & COOKED == COOKED


def test_a_narrow_terminal_has_a_line_for_each_key_and_for_each_value(start: Start) -> None:
    """DT-003"""
    session = start(
        config=CONFIG + '[vars]\nGREETING = "a value that is longer than forty characters are"\n', terminal=60
    )
    session.expect(r'env.GREETING +Environment Variable +local\n  \("a value that is longer than forty ch\.\.\.\)')
    session.expect(r"╭─+╮\n│ \[b\] open a browser +│\n│ \[r\]")
    session.press("q")
    assert session.end(None) == 0


def test_without_a_terminal_there_is_no_bar_and_no_key(start: Start) -> None:
    """DT-026"""
    session = start()
    with session.ready() as client:
        assert session.process.stdin is not None
        session.process.stdin.write(b"xq")
        session.process.stdin.flush()
        assert client.get("/").status_code == 200
    assert session.end(signal.SIGTERM) == 0
    assert "╭" not in session.said


def test_the_bar_can_be_switched_off(start: Start) -> None:
    session = start("--show-interactive-dev-session=false", terminal=100)
    with session.ready() as client:
        session.press("x")
        assert client.get("/").status_code == 200
    assert session.end() == 130
    assert "╭" not in session.said


def test_a_failing_start_leaves_the_terminal_alone(start: Start) -> None:
    session = start(config=CONFIG, handler=HANDLER + "\nsyntax error", terminal=100)
    with session.ready() as client:
        assert client.get("/").status_code == 500
    session.press("x")
    assert session.end(None) == 0
