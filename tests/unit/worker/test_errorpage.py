"""Errors as browsers, programs and terminals get them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.binding import CallRecord
from paddock.worker.errorpage import ErrorPages, Failure, wanted_form

if TYPE_CHECKING:
    from pathlib import Path

CALLS = [CallRecord("@cf/microsoft/phi-2", prompt_tokens=7, completion_tokens=3)]


@pytest.fixture
def failure(tmp_path: Path) -> Failure:
    """Raised in line 3 of a handler, below a library's frame and above another one."""
    handler = tmp_path / "handler.py"
    handler.write_text("def one():\n    key = 'k'\n    raise ValueError('<b>')\n")
    stack = (
        "Traceback (most recent call last):\n"
        f'  File "{handler}", line 1, in one\n    def one():\n'
        f'  File "{handler}", line 3, in one\n    raise\n'
        '  File "/lib/python/json.py", line 9, in loads\n    x\n'
        "ValueError: <b> hunter2\n"
    )
    return Failure(500, "handler_error", "ValueError: <b> hunter2", stack)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "text"),
        ("*/*", "text"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("application/json, text/plain, */*", "json"),
        ("Application/JSON; charset=utf-8", "json"),
        ("image/png", "text"),
    ],
)
def test_form_is_what_the_client_names_first(accept: str | None, form: str) -> None:
    """DT-038."""
    assert wanted_form(accept) == form


def test_page_shows_the_deepest_line_of_the_users_own_first(tmp_path: Path, failure: Failure) -> None:
    """DT-038."""
    content_type, body = ErrorPages(tmp_path).render(failure, "GET /", CALLS, "html")
    page = body.decode()
    assert content_type.startswith("text/html")
    assert "<mark>    3     raise ValueError(&#x27;&lt;b&gt;&#x27;)</mark>" in page
    assert page.index("handler.py:3 in one") < page.index("Traceback")
    assert "<b>" not in page


def test_ai_calls_are_listed_and_secrets_are_not(tmp_path: Path, failure: Failure) -> None:
    """DT-039."""
    pages = ErrorPages(tmp_path, ["hunter2"])
    for form in ("html", "json", "text"):
        _, body = pages.render(failure, "GET /?q=hunter2", CALLS, form)
        assert b"hunter2" not in body and b"(hidden)" in body
        assert (b"@cf/microsoft/phi-2" in body) == (form != "text")


def test_secret_with_characters_that_are_escaped_is_hidden(failure: Failure) -> None:
    secret = 'a"<&b'
    for form in ("html", "json", "text"):
        _, body = ErrorPages(secrets=[secret]).render(failure._replace(message=secret, stack=secret), "GET /", (), form)
        assert b"(hidden)" in body and b"&amp;b" not in body and b"&b" not in body


def test_json_has_code_message_and_stack(failure: Failure) -> None:
    """DT-038."""
    content_type, body = ErrorPages().render(failure, "GET /", (), "json")
    assert content_type == "application/json"
    error = {"code": "handler_error", "message": failure.message, "stack": failure.stack}
    assert json.loads(body) == {"error": error, "ai_calls": []}


def test_lines_of_files_elsewhere_are_not_shown(tmp_path: Path, failure: Failure) -> None:
    inner = tmp_path / "project"
    inner.mkdir()
    _, body = ErrorPages(inner).render(failure, "GET /", (), "html")
    assert b"<mark>" not in body


def test_error_without_a_traceback_is_its_message() -> None:
    failure = Failure(503, "isolate_starting", "The worker does not start.")
    assert ErrorPages().render(failure, "GET /", (), "text")[1] == b"The worker does not start."
    assert b"<pre>" not in ErrorPages().render(failure, "GET /", (), "html")[1]
