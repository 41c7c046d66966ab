"""What an event logs and raises, kept for tail workers; nothing is kept where there are none.

Source: workerd, io/tracer: the limit and its text, the levels, and the form of a message, which is the JSON of what was
logged.
"""

from __future__ import annotations

import contextlib
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from paddock.worker.isolate.loader import user_frames
from paddock.worker.isolate.web import console
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.jsonvalue import stringify
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Trace", "begin", "current", "fail", "record", "stop"]

_MOST_BYTES: Final = 256 * 1024
_TOO_MUCH: Final = (
    "Log size limit exceeded: More than 256KB of data (across console.log statements, exception, request metadata and "
    "headers) was logged during a single request. Subsequent data for this request will not be recorded in logs, "
    "appear when tailing this Worker's logs, or in Tail Workers."
)


class _Log(msgspec.Struct):
    timestamp: int
    level: str
    message: msgspec.Raw


class _Exception(msgspec.Struct):
    timestamp: int
    name: str
    message: str


class _Told(msgspec.Struct):
    """What the server is told. Names are the runtime's; `cpuTime` is in milliseconds."""

    outcome: str
    logs: list[_Log]
    exceptions: list[_Exception]
    truncated: bool
    cpuTime: int


class Trace:
    """Of one event."""

    def __init__(self) -> None:
        self._outcome = "ok"
        self._logs: list[_Log] = []
        self._exceptions: list[_Exception] = []
        self._bytes = 0

    def log(self, level: str, message: str) -> None:
        """Keep what was logged: the JSON of a list of values. Nothing is kept behind the limit but that it was met."""
        if self._bytes > _MOST_BYTES:
            return
        data = message.encode(errors="replace")
        self._bytes += len(data)
        if self._bytes > _MOST_BYTES:
            level, data = "warn", msgspec.json.encode([_TOO_MUCH])
        self._logs.append(_Log(_now_ms(), level, msgspec.Raw(data)))

    def fail(self, error: BaseException, outcome: str) -> None:
        """Keep what ended the event."""
        self._outcome = outcome
        if isinstance(error, JsException):
            name, message = error.name, error.message
        else:
            name, message = "PythonError", user_frames(error)
        safe = message[:_MOST_BYTES].encode(errors="replace").decode()
        self._exceptions.append(_Exception(_now_ms(), name, safe))

    def told(self, cpu_ms: int) -> bytes:
        """All of it, for the server."""
        is_truncated = self._bytes > _MOST_BYTES
        return msgspec.json.encode(_Told(self._outcome, self._logs, self._exceptions, is_truncated, cpu_ms))


_is_on = False
#: Streams whose `write` is ours.
_patched: Final[list[TextIO]] = []
_trace: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)
#: True while the console writes what it has told us of as values.
_is_told: Final[ContextVar[bool]] = ContextVar("is_told", default=False)


def begin() -> None:
    """The event that begins in this context has a trace, if anybody is to be told of it."""
    if _is_on:
        _trace.set(Trace())


def current() -> Trace | None:
    """That of the event on whose behalf code runs; None where nothing is traced."""
    return _trace.get()


def fail(error: BaseException, outcome: str = "exception") -> None:
    """The event that code runs for ends with this error."""
    if (trace := _trace.get()) is not None:
        trace.fail(error, outcome)


def record() -> None:
    """From now on, keep what events write with print, logging and the console, and what ends them."""
    global _is_on
    _is_on = True
    for stream, level in ((sys.stdout, "log"), (sys.stderr, "error")):
        stream.write = _Lines(stream, level).write  # type: ignore[method-assign]  # print looks it up on the object
        _patched.append(stream)
    console.observe(_observed)


def stop() -> None:
    """Keep nothing any more: for a process that outlives its isolate."""
    global _is_on
    _is_on = False
    while _patched:
        vars(_patched.pop()).pop("write", None)
    console.observe(None)


@contextlib.contextmanager
def _observed(level: str, values: tuple[object, ...]) -> Iterator[None]:
    trace = _trace.get()
    if trace is not None:
        trace.log(level, f"[{','.join(_json(value) for value in values)}]")
    token = _is_told.set(True)
    try:
        yield
    finally:
        _is_told.reset(token)


class _Lines:
    """Standard output or error: whole lines are logs of the event that wrote them."""

    def __init__(self, stream: TextIO, level: str) -> None:
        self._write: Callable[[str], int] = stream.write
        self._level = level
        self._begun: ContextVar[str] = ContextVar("begun", default="")

    def write(self, text: str) -> int:
        written = self._write(text)  # first: it refuses what is no text
        trace = _trace.get()
        if trace is not None and not _is_told.get():
            *lines, rest = (self._begun.get() + text).split("\n")
            self._begun.set(rest[-_MOST_BYTES:])
            for line in lines:
                trace.log(self._level, f"[{_json(line)}]")
        return written


def _json(value: object) -> str:
    try:
        text = stringify(value)
    except Exception:  # user code: what it logs need not have a JSON
        text = None
    return text if text is not None else str(stringify(js_string(value)))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
