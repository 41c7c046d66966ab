"""Errors of configuration and of isolates; the rest of the tree is drawn in bindings/errors.py.

    PaddockError
      ConfigError               user: wrangler-like.toml is wrong; holds every problem found, not only the first
        HandlerImportError      user: handler.py cannot be imported; shows the user's frames only
      IsolateError              us: the conversation with an isolate broke
        IsolateCrashed          operator: the process ended; exit code or signal, last log lines
        WorkerRestarted         user: new code took the place of the old before this request was answered
        IsolateStartTimeout     user: the handler did not finish starting; names the phase it reached
        LimitExceeded           user: over a limit of the configuration
          StartupLimitExceeded  processor time until the handler is imported
          CpuLimitExceeded      processor time of an event
          MemoryLimitExceeded   memory of an isolate
          LoopBlocked           how long the event loop may stand still
      PortInUse                 user: the port that was asked for is taken
      NetworkError              user: an outbound fetch did not reach its address
      SubprotocolRefused        user: the handler chose a WebSocket subprotocol that the client did not offer
      UrlTooLong                user: a request whose URL is over the limit
      DebuggerMissing           user: the package of the debugger is not installed
      NoServer                  user: a command found no dev server to talk to
      RequestRefused            user: the dev server refused what a command asked for

A request meets them as 500, the status of production's error 1101 (exception, no response), or as 503, that of 1102
(over a limit).
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from paddock.bindings.errors import PaddockError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "ConfigError",
    "CpuLimitExceeded",
    "DebuggerMissing",
    "Finding",
    "HandlerImportError",
    "IsolateCrashed",
    "IsolateError",
    "IsolateStartTimeout",
    "LimitExceeded",
    "LoopBlocked",
    "MemoryLimitExceeded",
    "NetworkError",
    "NoServer",
    "PortInUse",
    "RequestRefused",
    "StartupLimitExceeded",
    "SubprotocolRefused",
    "UrlTooLong",
    "WorkerRestarted",
    "listed",
]


class Finding(str):
    """What is wrong or odd about a configuration: a text, and the line of the file that it is about, if any."""

    line: int | None

    def __new__(cls, text: str, line: int | None = None) -> Finding:
        finding = super().__new__(cls, text)
        finding.line = line
        return finding


class ConfigError(PaddockError):
    """The configuration is wrong. `problems` holds one text for each mistake, `source` the file's name.

    `warnings` holds what was noticed on the way, because a person who fixes the file wants to see both.
    """

    code = "config_error"
    actor = "user"

    def __init__(
        self, problems: Sequence[str], *, source: str = "", warnings: Sequence[str] = (), hint: str = ""
    ) -> None:
        self.problems = tuple(problems)
        self.source = source
        self.warnings = tuple(warnings)
        super().__init__(listed(self.problems, source), hint=hint)


class HandlerImportError(ConfigError):
    """The handler cannot be imported.

    `line` and `column` count from 1 and are 0 when the problem has no place in the file. `frames` is the traceback as
    text without any frame of Paddock; it is empty when the file itself is missing.
    """

    code = "handler_import_error"

    def __init__(
        self, problem: str, *, file: str, line: int = 0, column: int = 0, frames: str = "", hint: str = ""
    ) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.frames = frames
        place = ":".join([file, *(str(number) for number in (line, column) if number)])
        super().__init__([f"{place}: {problem}"], hint=hint)

    def __str__(self) -> str:
        return "\n".join(part for part in (super().__str__(), self.frames) if part)


class IsolateError(PaddockError):
    """The conversation with an isolate broke: a frame out of place, a channel closed too early."""

    code = "isolate_error"


class IsolateCrashed(IsolateError):
    """The isolate's process ended, under a call or at its start. The next call meets a fresh one.

    `exit_code` is negative for a signal, as `subprocess` and `multiprocessing` report it. `log_lines` is the end of
    what the isolate wrote, oldest first.
    """

    code = "isolate_crashed"
    actor = "operator"
    retryable = True

    def __init__(self, exit_code: int | None, log_lines: Sequence[str] = (), *, has_started: bool = True) -> None:
        self.exit_code = exit_code
        self.log_lines = tuple(log_lines)
        last = "\n  ".join(("", *self.log_lines)) if self.log_lines else ""
        when = "" if has_started else " while it started"
        super().__init__(f"The worker's process ended{when}: {_cause_of_death(exit_code)}.{last}")


class WorkerRestarted(IsolateError):
    """New code serves, and the time that the old had left to finish its requests is over. Source: wrangler's text."""

    code = "worker_restarted"
    actor = "user"
    status = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "Your worker restarted mid-request. Please try sending the request again. "
            "Only GET or HEAD requests are retried automatically."
        )


class IsolateStartTimeout(IsolateError):
    """The isolate was not ready in time. `phase` is the last step that it reported, such as "import handler.py"."""

    code = "isolate_start_timeout"
    actor = "user"

    def __init__(self, phase: str, timeout_s: float) -> None:
        self.phase = phase
        self.timeout_s = timeout_s
        super().__init__(
            f"The worker was not ready within {timeout_s:g} s; it got as far as: {phase}.",
            hint="Look for an endless loop or slow work at the top level of the handler; "
            "paddock.isolate_start_timeout_s sets the limit.",
        )


class LimitExceeded(IsolateError):
    """Over a limit of the configuration. `trace` says where the handler was, as far as the process could still tell."""

    code = "limit_exceeded"
    actor = "user"

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n  ".join((super().__str__(), *self.trace))


class StartupLimitExceeded(LimitExceeded):
    """The start took more processor time than `paddock.startup_cpu_ms` allows."""

    code = "startup_limit_exceeded"

    def __init__(self, limit_ms: int) -> None:
        super().__init__(
            "Script startup exceeded CPU time limit.",
            hint=f"The limit is {limit_ms} ms (paddock.startup_cpu_ms), CPython's own start included.",
        )


class CpuLimitExceeded(LimitExceeded):
    """An event took more processor time than `limits.cpu_ms` allows. Production's error 1102."""

    code = "cpu_limit_exceeded"
    status = 503

    def __init__(self, limit_ms: int) -> None:
        super().__init__(
            "Error 1102: Worker exceeded CPU time limit.",
            hint=f"The limit is {limit_ms} ms for each request (limits.cpu_ms). An endless loop?",
        )


class MemoryLimitExceeded(LimitExceeded):
    """The isolate's process took more memory than `paddock.memory_mb` allows. Production's error 1102."""

    code = "memory_limit_exceeded"
    status = 503

    def __init__(self, limit_mb: int) -> None:
        super().__init__(
            "Error 1102: Worker exceeded memory limit.",
            hint=f"The limit is {limit_mb} MB for each isolate (paddock.memory_mb).",
        )


class LoopBlocked(LimitExceeded):
    """The isolate's event loop stood still for longer than `paddock.cpu_limit_s`."""

    code = "loop_blocked"

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"The handler kept its event loop busy for more than {limit_s:g} s (paddock.cpu_limit_s).",
            hint="An endless loop, or a call that waits without await? It was here:",
        )


class PortInUse(PaddockError):
    """The port that was asked for is taken."""

    code = "port_in_use"
    actor = "user"

    def __init__(self, ip: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {ip} is in use.", hint="Stop the program that has it, or choose another with --port."
        )


class DebuggerMissing(PaddockError):
    """A debugger was asked for, and its package is not installed."""

    code = "debugger_missing"
    actor = "user"

    def __init__(self) -> None:
        super().__init__("Debugging needs the package debugpy.", hint='Install it: pip install "paddock[debug]"')


class UrlTooLong(PaddockError):
    """The URL of a request is longer than production takes."""

    code = "url_too_long"
    actor = "user"
    status = 414

    def __init__(self, length_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"The URL has {length_bytes} bytes: at most {limit_bytes} are allowed.")


class NoServer(PaddockError):
    """No dev server answers where a command expected one."""

    code = "no_server"
    actor = "user"

    def __init__(self, address: str, told_by: Path | None = None) -> None:
        text, hint = (
            f"No dev server answers at {address}",
            "Start one with `paddock dev`, or name its port with --port.",
        )
        if told_by is not None:
            hint = f"Its process lives, by {told_by}: it begins or ends. Try again, or name a port with --port."
        super().__init__(text, hint=hint)


class RequestRefused(PaddockError):
    """The dev server refused what a command asked for; the text is its own."""

    code = "request_refused"
    actor = "user"


class NetworkError(PaddockError):
    """The outside world did not answer: the text says which address and why."""

    code = "network_error"
    actor = "user"
    status = 502


class SubprotocolRefused(PaddockError):
    """The handler chose a WebSocket subprotocol that the client did not offer, which would have to hang up on it."""

    code = "subprotocol_refused"
    actor = "user"

    def __init__(self, chosen: str, offered: Sequence[str]) -> None:
        names = ", ".join(offered) or "none"
        super().__init__(
            f"Sec-WebSocket-Protocol: expected one that the client offered ({names}); the handler answered {chosen!r}."
        )


def listed(problems: Sequence[str], source: str) -> str:
    """Problems of a configuration file as the list that wrangler prints; without a file, just one below the other."""
    if not source:
        return "\n".join(problems)
    items = ("\n    ".join(_with_line(problem)) for problem in problems)
    return "\n".join([f"Processing {source} configuration:", *(f"  - {item}" for item in items)])


def _with_line(problem: str) -> list[str]:
    first, *more = problem.splitlines() or [""]
    line = problem.line if isinstance(problem, Finding) else None
    return [f"{first} (line {line})" if line else first, *more]


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is None:
        return "it closed its channel"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:  # a real-time signal, which has no name
        return f"signal {-exit_code}"
