"""The page that a browser gets of a failed request. It loads nothing, and its policy lets it load nothing.

The user's own code stands first: the deepest frame with the lines around it and its variables, then those above it;
frames of libraries are folded. Everything on it is escaped. DT-038, DT-039.
"""

from __future__ import annotations

import base64
import hashlib
import linecache
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddock.worker.faultreport import FrameReport, Raised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paddock.bindings.binding import CallRecord
    from paddock.worker.errorpage import Failure, RequestSummary

__all__ = ["POLICY", "Page"]

#: Lines shown before and after the one where it happened.
_AROUND: Final = 5
_FRAME: Final = re.compile(r'^ +File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<name>.+))?$', re.MULTILINE)
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "cf-aig-authorization"})
_SECRET_NAME: Final = re.compile(r"token|secret|key|password|signature|session", re.IGNORECASE)
_CUT: Final = 300
_RELATIONS: Final = {
    "": "",
    "cause": "Caused by",
    "context": "Raised while this was handled",
    "part": "One of the group",
}
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#222}"
    "h1{font-size:1.3rem;color:#b3261e;white-space:pre-wrap;overflow-wrap:anywhere}h2{font-size:1rem;margin-top:2rem}"
    "h3{font-size:.95rem;margin:.8rem 0 0}pre{background:#f6f6f6;padding:.8rem;overflow:auto;margin:.4rem 0}"
    "pre,td,code{font:13px/1.5 ui-monospace,monospace}mark{background:#ffd7d4}"
    "td,th{text-align:left;padding:.1rem 1rem .1rem 0;vertical-align:top;overflow-wrap:anywhere}"
    "summary{cursor:pointer}button{font:inherit;float:right}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}pre{background:#262626}"
    "mark{background:#5c2b29;color:inherit}h1{color:#f2b8b5}}"
)
_SCRIPT: Final = (
    "document.querySelector('button').onclick=async function(){"
    "const text=document.getElementById('text').textContent;"
    "try{await navigator.clipboard.writeText(text)}catch{"
    "const box=document.body.appendChild(document.createElement('textarea'));box.value=text;box.select();"
    "document.execCommand('copy');box.remove()}this.textContent='Copied'}"
)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


#: Nothing but the style and the script above, whatever slipped through.
POLICY: Final = f"default-src 'none'; style-src 'sha256-{_hash(_STYLE)}'; script-src 'sha256-{_hash(_SCRIPT)}'"


class Page:
    """The page of one failure. `hide` takes secrets out of a text."""

    def __init__(self, root: Path | None, hide: Callable[[str], str]) -> None:
        self._root = root
        self._hide = hide

    def render(self, failure: Failure, request: RequestSummary, calls: Sequence[CallRecord], plain: str) -> str:
        """The whole document. `plain` is what the button copies."""
        first = failure.text.splitlines()[0] if failure.text else failure.code
        raised = failure.report.raised or (Raised(failure.name, failure.message, "", _parsed(failure.stack)),)
        said = " · ".join(filter(None, (f"{failure.status}", failure.code, failure.in_production, request.id)))
        parts = [
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(first)}</title><style>{_STYLE}</style>",
            f"<button>Copy as text</button><h1>{escape(failure.text)}</h1>",
            f"<p>{self._text(request.line)}: {escape(said)}</p>",
            *(self._raised(error) for error in raised),
            f"<h2>Traceback</h2><pre>{escape(failure.stack)}</pre>" if failure.stack else "",
            self._calls(failure, calls),
            self._lines(failure.report.lines),
            self._request(request),
            f"<pre id=text hidden>{escape(plain)}</pre><script>{_SCRIPT}</script></html>",
        ]
        return "\n".join(filter(None, parts))

    def _text(self, text: str) -> str:
        return escape(self._hide(text))

    def _raised(self, error: Raised) -> str:
        own = [frame for frame in error.frames if self._is_own(frame.file)]
        others = [frame for frame in error.frames if not self._is_own(frame.file)]
        parts = []
        if error.relation:
            parts.append(f"<h2>{_RELATIONS[error.relation]} {self._text(f'{error.kind}: {error.message}')}</h2>")
        parts += [self._own(frame, is_open=number == 0) for number, frame in enumerate(reversed(own))]
        if others:
            listed = "".join(f"<li><code>{self._where(frame)}</code>" for frame in others)
            parts.append(f"<details><summary>{len(others)} frames of libraries</summary><ol>{listed}</ol></details>")
        return "\n".join(parts)

    def _own(self, frame: FrameReport, *, is_open: bool) -> str:
        body = f"<pre>{self._source(frame)}</pre>{self._values(frame)}"
        if is_open:
            return f"<h2>{self._where(frame)}</h2>{body}"
        return f"<details><summary>{self._where(frame)}</summary>{body}</details>"

    def _where(self, frame: FrameReport) -> str:
        file = Path(frame.file)
        if self._root is not None and self._is_own(frame.file):
            file = file.resolve().relative_to(self._root)
        return self._text(f"{file}:{frame.line}{f' in {frame.name}' if frame.name else ''}")

    def _source(self, frame: FrameReport) -> str:
        linecache.checkcache(frame.file)
        numbers = range(max(1, frame.line - _AROUND), frame.line + _AROUND + 1)
        lines = ((number, linecache.getline(frame.file, number)) for number in numbers)
        return "\n".join(self._line(number, text, frame.line) for number, text in lines if text)

    def _line(self, number: int, text: str, marked: int) -> str:
        shown = escape(f"{number:5} {self._hide(text.rstrip())[:_CUT]}")
        return f"<mark>{shown}</mark>" if number == marked else shown

    def _values(self, frame: FrameReport) -> str:
        rows = "".join(f"<tr><td>{escape(name)}<td>{self._text(value)}" for name, value in frame.values)
        return f"<table>{rows}</table>" if rows else ""

    def _calls(self, failure: Failure, calls: Sequence[CallRecord]) -> str:
        """What the server counted of each call, and what the isolate saw of it: both in the order of the calls."""
        if not calls:
            return ""
        seen = failure.report.calls
        parts = []
        for number, call in enumerate(calls):
            tokens = f"{call.prompt_tokens} → {call.completion_tokens} tokens"
            parts.append(f"<h3>{self._text(call.model)}</h3><p>{tokens}, {escape(call.outcome)}</p>")
            told = seen[number] if len(seen) == len(calls) and seen[number].model == call.model else None
            if told is not None:
                parts.append(f"<pre>{self._text(told.inputs)}</pre><pre>{self._text(told.answer)}</pre>")
        return "<h2>AI calls so far</h2>" + "".join(parts)

    def _lines(self, lines: Sequence[str]) -> str:
        return f"<h2>Printed by this request</h2><pre>{self._text(chr(10).join(lines))}</pre>" if lines else ""

    def _request(self, request: RequestSummary) -> str:
        rows = "".join(
            f"<tr><td>{self._text(name)}<td>{'(hidden)' if _is_secret(name) else escape(self._hide(value)[:_CUT])}"
            for name, value in request.headers
        )
        return f"<details><summary>Request headers</summary><table>{rows}</table></details>" if rows else ""

    def _is_own(self, file: str) -> bool:
        if self._root is None or file.startswith("<") or "/python_modules/" in file or "/site-packages/" in file:
            return False
        return Path(file).resolve().is_relative_to(self._root)


def _parsed(stack: str) -> tuple[FrameReport, ...]:
    """The frames of a traceback of which there is no more than the text: of an import, of a limit."""
    return tuple(FrameReport(m["file"], int(m["line"]), m["name"] or "") for m in _FRAME.finditer(stack))


def _is_secret(header: str) -> bool:
    return header.lower() in _SECRET_HEADERS or _SECRET_NAME.search(header) is not None
