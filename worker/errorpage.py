"""What a client sees of an error: a page in a browser, JSON where it is asked for, and text for everybody else.

The page begins with the deepest frame of the user's own code and the lines around it, and has the AI calls that were
made before. Secrets are hidden in every form. DT-038, DT-039.
"""

from __future__ import annotations

import html
import linecache
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from paddock.worker.log import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paddock.bindings.binding import CallRecord

__all__ = ["ErrorPages", "Failure", "Form", "wanted_form"]

Form = Literal["html", "json", "text"]

#: Media type -> form. A browser names `text/html` first, curl `*/*`, which is text.
_FORMS: Final[dict[str, Form]] = {"text/html": "html", "application/json": "json", "text/plain": "text"}
_CONTENT_TYPES: Final[dict[Form, str]] = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
}
#: Lines shown before and after the one where it happened.
_AROUND: Final = 4
_FRAME: Final = re.compile(r'^ +File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<name>.+))?$', re.MULTILINE)
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}"
    "h1{font-size:1.3rem;color:#b3261e;white-space:pre-wrap}h2{font-size:1rem;margin-top:2rem}"
    "pre{background:#f6f6f6;padding:.8rem;overflow:auto;font:13px/1.5 ui-monospace,monospace}mark{background:#ffd7d4}"
    "td,th{text-align:left;padding:.1rem 1rem .1rem 0}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}pre{background:#262626}"
    "mark{background:#5c2b29;color:inherit}h1{color:#f2b8b5}}"
)


class Failure(NamedTuple):
    """An error on its way to a client. `stack` is the user's traceback as Python prints it, or empty."""

    status: int
    #: As `paddock-error` has it.
    code: str
    message: str
    stack: str = ""


class _Frame(NamedTuple):
    file: str
    line: int
    name: str


class ErrorPages:
    """Failures of one project, as clients want them. Source lines are shown of files below `root` only."""

    def __init__(self, root: Path | None = None, secrets: Iterable[str] = ()) -> None:
        self._root = root
        self._redactor = Redactor(secrets)

    def render(self, failure: Failure, request: str, calls: Sequence[CallRecord], form: Form) -> tuple[str, bytes]:
        """Content type and body. `request` is the request's line: method and path."""
        # Before anything is encoded: an escaped secret would not be found.
        hide = self._redactor.redact
        failure = failure._replace(message=hide(failure.message), stack=hide(failure.stack))
        if form == "html":
            text = self._page(failure, hide(request), calls)
        elif form == "json":
            error = {"code": failure.code, "message": failure.message, "stack": failure.stack}
            text = msgspec.json.encode({"error": error, "ai_calls": [_call(call) for call in calls]}).decode()
        else:
            text = failure.stack or failure.message
        return _CONTENT_TYPES[form], text.encode()

    def _page(self, failure: Failure, request: str, calls: Sequence[CallRecord]) -> str:
        title = html.escape(failure.message.splitlines()[0] if failure.message else failure.code)
        parts = [
            f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>",
            f"<h1>{html.escape(failure.message)}</h1><p>{html.escape(request)}: {failure.status}, {failure.code}</p>",
            self._source(failure.stack),
        ]
        if failure.stack:
            parts.append(f"<h2>Traceback</h2><pre>{html.escape(failure.stack)}</pre>")
        if calls:
            rows = "".join(
                f"<tr>{''.join(f'<td>{html.escape(str(value))}' for value in _call(call).values())}" for call in calls
            )
            parts.append(f"<h2>AI calls so far</h2><table><tr><th>model<th>prompt<th>answer<th>ended{rows}</table>")
        return "\n".join(parts)

    def _source(self, stack: str) -> str:
        """The lines around the deepest frame whose file is the project's own."""
        frames = [_Frame(m["file"], int(m["line"]), m["name"] or "") for m in _FRAME.finditer(stack)]
        frame = next((frame for frame in reversed(frames) if self._is_own(frame.file)), None)
        if frame is None:
            return ""
        linecache.checkcache(frame.file)
        numbers = range(max(1, frame.line - _AROUND), frame.line + _AROUND + 1)
        lines = [(number, self._redactor.redact(linecache.getline(frame.file, number))) for number in numbers]
        shown = "\n".join(_line(number, text, frame.line) for number, text in lines if text)
        where = html.escape(f"{Path(frame.file).name}:{frame.line}{f' in {frame.name}' if frame.name else ''}")
        return f"<h2>{where}</h2><pre>{shown}</pre>"

    def _is_own(self, file: str) -> bool:
        return self._root is not None and Path(file).resolve().is_relative_to(self._root)


def wanted_form(accept: str | None) -> Form:
    """The form that an Accept header names first."""
    names = (item.partition(";")[0].strip().lower() for item in (accept or "").split(","))
    return next((_FORMS[name] for name in names if name in _FORMS), "text")


def _line(number: int, text: str, marked: int) -> str:
    shown = html.escape(f"{number:5} {text.rstrip()}")
    return f"<mark>{shown}</mark>" if number == marked else shown


def _call(call: CallRecord) -> dict[str, object]:
    return {
        "model": call.model,
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": call.completion_tokens,
        "outcome": call.outcome,
    }
