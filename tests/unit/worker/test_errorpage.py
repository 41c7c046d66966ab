"""Errors as browsers, programs and terminals get them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from paddock.bindings.binding import CallRecord
from paddock.worker.errorpage import ErrorPages, Failure, Form, RequestSummary, wanted_form
from paddock.worker.faultreport import AiCallReport, FaultReport, FrameReport, Raised

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = RequestSummary("GET /?q=hunter2", (("x-token", "t0ken"), ("accept", "*/*")), "7f")
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
    return Failure(500, "handler_error", "<b> hunter2", stack, "ValueError", 1101)


def body(pages: ErrorPages, failure: Failure, form: Form) -> str:
    return pages.render(failure, REQUEST, CALLS, form).body.decode()


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
    page = body(ErrorPages(tmp_path), failure, "html")
    assert "<mark>    3     raise ValueError(&#x27;&lt;b&gt;&#x27;)</mark>" in page
    assert page.index("handler.py:3 in one") < page.index("handler.py:1 in one") < page.index("json.py:9 in loads")
    assert "<b>" not in page


def test_page_has_variables_causes_output_and_what_models_were_asked(tmp_path: Path, failure: Failure) -> None:
    """DT-038, DT-039."""
    frame = FrameReport(str(tmp_path / "handler.py"), 3, "one", (("key", "'<k>'"),))
    cause = Raised("KeyError", "why", "cause", ())
    calls = (AiCallReport("@cf/microsoft/phi-2", '{"prompt": "Hi"}', "'Hello'"),)
    report = FaultReport((Raised("ValueError", "<b>", "", (frame,)), cause), calls, ("printed <this>",))
    page = body(ErrorPages(tmp_path), failure._replace(report=report), "html")
    for shown in (
        "<td>key<td>&#x27;&lt;k&gt;&#x27;",
        "Caused by KeyError: why",
        "printed &lt;this&gt;",
        "7 → 3 tokens",
    ):
        assert shown in page
    assert "{&quot;prompt&quot;: &quot;Hi&quot;}" in page and "&#x27;Hello&#x27;" in page


def test_page_loads_nothing_and_allows_only_its_own_script_and_style(failure: Failure) -> None:
    page = ErrorPages().render(failure, REQUEST, (), "html")
    policy = dict(page.headers)["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert b"src=" not in page.body and b"href=" not in page.body and b"url(" not in page.body
    assert b"<button>Copy as text</button>" in page.body


def test_ai_calls_are_listed_and_secrets_are_not(tmp_path: Path, failure: Failure) -> None:
    """DT-039."""
    pages = ErrorPages(tmp_path, ["hunter2"])
    forms: tuple[Form, ...] = ("html", "json", "text")
    for form in forms:
        shown = body(pages, failure, form)
        assert "hunter2" not in shown and "t0ken" not in shown and "(hidden)" in shown
        assert ("@cf/microsoft/phi-2" in shown) == (form != "text")


@pytest.mark.parametrize("form", ["html", "json", "text"])
def test_secrets_are_hidden_however_they_are_spelled(failure: Failure, form: Form) -> None:
    """DT-039."""
    secret = 'a"<&b\n-----c'
    shown = body(ErrorPages(secrets=[secret]), failure._replace(message=secret, stack=repr(secret)), form)
    assert "(hidden)" in shown and "-----c" not in shown


def test_json_has_name_message_stack_and_the_calls(failure: Failure) -> None:
    """DT-038."""
    error = json.loads(body(ErrorPages(), failure, "json"))["error"]
    call = {"model": "@cf/microsoft/phi-2", "prompt_tokens": 7, "completion_tokens": 3, "outcome": "ok"}
    assert error == {
        "name": "ValueError",
        "message": failure.message,
        "code": "handler_error",
        "production_code": 1101,
        "stack": failure.stack,
        "request_id": "7f",
        "ai_calls": [call],
    }


def test_headers_have_the_number_of_productions_page(failure: Failure) -> None:
    headers = dict(ErrorPages().render(failure, REQUEST, (), "text").headers)
    assert (headers["paddock-production-error"], headers["paddock-request-id"]) == ("1101", "7f")


def test_text_is_the_traceback_below_what_production_says(failure: Failure) -> None:
    """DT-038."""
    assert body(ErrorPages(), failure, "text") == f"Error 1101: Worker threw a JavaScript exception\n\n{failure.stack}"


def test_lines_of_files_elsewhere_are_not_shown(tmp_path: Path, failure: Failure) -> None:
    inner = tmp_path / "project"
    inner.mkdir()
    assert "<mark>" not in body(ErrorPages(inner), failure, "html")


def test_error_without_a_traceback_is_its_message() -> None:
    failure = Failure(503, "isolate_starting", "The worker does not start.")
    assert body(ErrorPages(), failure, "text") == "The worker does not start."
    assert "<h2>Traceback" not in body(ErrorPages(), failure, "html")
