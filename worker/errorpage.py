"""What a client sees of an error: a page in a browser, JSON where it is asked for, and text for everybody else.

Secrets are hidden in every form. The page itself is in `errorhtml.py`. DT-038, DT-039.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from paddock.worker.errorhtml import POLICY, Page
from paddock.worker.faultreport import FaultReport
from paddock.worker.log import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from paddock.bindings.binding import CallRecord
    from paddock.worker.wire import Headers

__all__ = ["ErrorPages", "Failure", "Form", "Rendered", "RequestSummary", "wanted_form"]

Form = Literal["html", "json", "text"]

#: Media type -> form. A browser names `text/html` first, curl `*/*`, which is text.
_FORMS: Final[dict[str, Form]] = {"text/html": "html", "application/json": "json", "text/plain": "text"}
_CONTENT_TYPES: Final[dict[Form, str]] = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
}
#: Source: developer docs, Workers errors.
_PRODUCTION: Final = {1101: "Worker threw a JavaScript exception", 1102: "Worker exceeded resource limits"}


class Failure(NamedTuple):
    """An error on its way to a client. `stack` is the user's traceback as Python prints it, or empty."""

    status: int
    #: As `paddock-error` has it.
    code: str
    message: str
    stack: str = ""
    #: The exception's class, or what JavaScript calls it.
    name: str = "Error"
    #: The number of production's error page, where it has one for this.
    production: int | None = None
    report: FaultReport = FaultReport(())

    @property
    def text(self) -> str:
        """Name and message, as the last line of a traceback has them."""
        return f"{self.name}: {self.message}" if self.stack else self.message

    @property
    def in_production(self) -> str:
        """What production says in its place; empty where it has no page of its own for it."""
        return f"Error {self.production}: {_PRODUCTION[self.production]}" if self.production else ""


class RequestSummary(NamedTuple):
    """What failed: method and path, headers, and the id by which log and client name it."""

    line: str
    headers: Headers = ()
    id: str = ""


class Rendered(NamedTuple):
    """A response without its status."""

    headers: Headers
    body: bytes


class ErrorPages:
    """Failures of one project, as clients want them. Source lines are shown of files below `root` only."""

    def __init__(self, root: Path | None = None, secrets: Iterable[str] = ()) -> None:
        self._root = root
        self._redactor = Redactor(_spellings(secrets))

    @property
    def root(self) -> Path | None:
        """The folder of the user's own files."""
        return self._root

    def render(self, failure: Failure, request: RequestSummary, calls: Sequence[CallRecord], form: Form) -> Rendered:
        """The response to a client that wants this form."""
        # Before anything is encoded: an escaped secret would not be found.
        hide = self._redactor.redact
        failure = failure._replace(message=hide(failure.message), stack=hide(failure.stack))
        headers = [("content-type", _CONTENT_TYPES[form]), ("paddock-error", failure.code)]
        headers += [("paddock-request-id", request.id)] if request.id else []
        headers += [("paddock-production-error", str(failure.production))] if failure.production else []
        if form == "html":
            headers.append(("content-security-policy", POLICY))
            text = Page(self._root, hide).render(failure, request, calls, _plain(failure))
        elif form == "json":
            text = _json(failure, request, calls)
        else:
            text = _plain(failure)
        return Rendered(tuple(headers), text.encode(errors="backslashreplace"))


def wanted_form(accept: str | None) -> Form:
    """The form that an Accept header names first."""
    names = (item.partition(";")[0].strip().lower() for item in (accept or "").split(","))
    return next((_FORMS[name] for name in names if name in _FORMS), "text")


def _spellings(secrets: Iterable[str]) -> set[str]:
    """Secrets as they are, and as tracebacks and JSON spell them."""
    return {text for secret in secrets for text in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1])}


def _plain(failure: Failure) -> str:
    """The traceback, below what production says."""
    text = failure.stack or failure.message
    is_said = not failure.in_production or text.startswith(f"Error {failure.production}")
    return text if is_said else f"{failure.in_production}\n\n{text}"


def _json(failure: Failure, request: RequestSummary, calls: Sequence[CallRecord]) -> str:
    error = {
        "name": failure.name,
        "message": failure.message,
        "code": failure.code,
        "production_code": failure.production,
        "stack": failure.stack,
        "request_id": request.id,
        "ai_calls": [
            {
                "model": call.model,
                "prompt_tokens": call.prompt_tokens,
                "completion_tokens": call.completion_tokens,
                "outcome": call.outcome,
            }
            for call in calls
        ],
    }
    return msgspec.json.encode({"error": error}).decode()
