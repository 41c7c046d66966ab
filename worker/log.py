"""The log as a person reads it: wrangler's level names and marks, colours only for a terminal, secrets hidden."""

from __future__ import annotations

import http
import logging
import os
import sys
from typing import TYPE_CHECKING, Final, Literal, TextIO, get_args

import msgspec

from paddock.worker.logbatch import BatchedHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from paddock.bindings.binding import CallRecord

__all__ = [
    "LEVELS",
    "LOG",
    "SHORT_ID",
    "ConsoleFormatter",
    "Fields",
    "LateText",
    "Level",
    "Redactor",
    "SecretiveFormatter",
    "ai_fields",
    "choose_level",
    "flush",
    "hide_secrets",
    "request_line",
    "set_up_logging",
    "wants_colour",
]

#: wrangler's names, from chatty to silent.
Level = Literal["debug", "log", "info", "warn", "error", "none"]

LEVELS: Final = get_args(Level)
#: Between DEBUG and INFO: wrangler's `log`, its default, shows more than `info`.
LOG: Final = 15
_NUMBERS: Final[dict[Level, int]] = {
    "debug": logging.DEBUG,
    "log": LOG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "none": logging.CRITICAL + 1,
}

_BOLD: Final = "1"
_DIM: Final = "2"
_RED: Final = "31"
_GREEN: Final = "32"
_YELLOW: Final = "33"
_BLUE: Final = "34"
_STATUS_COLOURS: Final = {2: _GREEN, 4: _YELLOW, 5: _RED}

#: Digits of a request's id that a person is shown: enough to find its lines.
SHORT_ID: Final = 8
_HIDDEN: Final = "(hidden)"
#: A shorter secret would be found inside ordinary words and numbers, and hiding those would tell what it is.
_SHORTEST_SECRET: Final = 4


class Fields:
    """`key=value` pairs for a log message, put into words only when the message is shown.

    `logger.info("engine.ready %s", Fields(model=model_id, load_s=4.2))`; None is left out.
    """

    def __init__(self, **values: object) -> None:
        self._values = values

    def __str__(self) -> str:
        return " ".join(f"{name}={_plain(value)}" for name, value in self._values.items() if value is not None)


class LateText:
    """A text for a log message that is made when the message is shown."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __str__(self) -> str:
        return self._make()


class Redactor:
    """Replaces secrets in text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Longest first: a secret may be part of another one.
        self._secrets = sorted(_long_enough(secrets), key=len, reverse=True)

    def add(self, secrets: Iterable[str]) -> None:
        """Replace these as well."""
        self._secrets = sorted({*self._secrets, *_long_enough(secrets)}, key=len, reverse=True)

    def redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def _long_enough(secrets: Iterable[str]) -> Iterable[str]:
    return (text for text in secrets if len(text) >= _SHORTEST_SECRET)


class SecretiveFormatter(logging.Formatter):
    """A formatter that hides secrets, of which there may be more while it is in use."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        super().__init__()
        self.redactor = redactor or Redactor()


class ConsoleFormatter(SecretiveFormatter):
    """`[paddock:info] message`, with wrangler's marks for warnings and errors; LOG messages stand as they are.

    Redaction works on the finished text, so that no argument, traceback or nested cause can slip through.
    """

    def __init__(self, redactor: Redactor | None = None, *, colour: bool = False) -> None:
        super().__init__(redactor)
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        return self.redactor.redact(self._mark(record) + super().format(record))

    def _mark(self, record: logging.LogRecord) -> str:
        if record.levelno >= logging.ERROR:
            return _paint("✘ [ERROR]", _RED, self._colour) + " "
        if record.levelno >= logging.WARNING:
            return _paint("▲ [WARNING]", _YELLOW, self._colour) + " "
        if record.levelno == LOG:
            return ""
        name = "info" if record.levelno >= logging.INFO else "debug"
        return _paint(f"[paddock:{name}]", _DIM, self._colour) + " "


def choose_level(option: str | None) -> Level:
    """The level of the command line, else of PADDOCK_LOG, else wrangler's default. Unknown names raise ValueError."""
    name = option or os.environ.get("PADDOCK_LOG") or "log"
    for level in _NUMBERS:
        if name.lower() == level:
            return level
    raise ValueError(f"Expected one of the log levels {', '.join(_NUMBERS)}; got {name!r}")


def set_up_logging(
    level: Level,
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
    formatter: logging.Formatter | None = None,
) -> None:
    """Send the log of this process to `stream` (standard error) without the secrets, replacing earlier set-ups.

    `formatter` makes other lines than those for people, and hides the secrets itself.

    Other libraries are heard from `warn` on; only `debug` lets all of them talk.
    """
    # What no line of ours shows is not looked up for it: caller, thread, process and task.
    logging._srcfile = None  # this and the others as logging's documentation has it, "Optimization"
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    stream = stream or sys.stderr
    handler = BatchedHandler(stream)
    handler.setFormatter(formatter or ConsoleFormatter(Redactor(secrets), colour=wants_colour(stream)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    logging.addLevelName(LOG, "LOG")
    number = _NUMBERS[level]
    root.setLevel(number if level == "debug" else max(number, logging.WARNING))
    logging.getLogger("paddock").setLevel(number)


def flush() -> None:
    """Write what was logged so far, before something is written beside the log."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def hide_secrets(secrets: Iterable[str]) -> None:
    """Hide these as well, from now on."""
    more = list(secrets)
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, SecretiveFormatter):
            handler.formatter.redactor.add(more)


def wants_colour(stream: TextIO) -> bool:
    """Whether to write colours: only to a terminal, and not when NO_COLOR is set to anything."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def request_line(
    method: str, path: str, status: int, duration_s: float, calls: Sequence[CallRecord] = (), *, colour: bool = False
) -> str:
    """What one request did: `GET /path 200 OK (12ms)`, and its AI calls behind it.

    `path` may have a query, which is not shown, because queries carry what people type.
    """
    tint = _STATUS_COLOURS.get(status // 100, _BLUE)
    words = f"{status} {_phrase(status)}".rstrip()
    bare = path.partition("?")[0]
    line = f"{_paint(method, _BOLD, colour)} {bare} {_paint(words, f'{_BOLD};{tint}', colour)} ({_time(duration_s)})"
    return " · ".join([line, *_ai_parts(calls)]) if calls else line


def _ai_parts(calls: Sequence[CallRecord]) -> list[str]:
    """Totals of the tokens, first token and speed of the first call that has them, and how failed calls ended."""
    models = dict.fromkeys(call.model.rpartition("/")[2] for call in calls)
    parts = [f"AI {len(calls)} call{'s' if len(calls) > 1 else ''}", ", ".join(models)]
    prompt = sum(call.prompt_tokens for call in calls)
    completion = sum(call.completion_tokens for call in calls)
    if prompt or completion:
        parts.append(f"{prompt}→{completion} tok")
    costs = [call.cost for call in calls if call.cost is not None]
    if costs:
        parts.append(f"{sum(cost.neurons for cost in costs):.3f} neurons (${sum(cost.usd for cost in costs):.6f})")
    parts += [f"ttft {_time(call.ttft_s)}" for call in calls if call.ttft_s is not None][:1]
    parts += [f"{speed:.0f} tok/s" for call in calls if (speed := _tokens_per_s(call)) is not None][:1]
    return parts + [call.outcome for call in calls if call.outcome != "ok"]


def ai_fields(call: CallRecord) -> Fields:
    """One call as the log has it: what it was and how it went, nothing of what was said."""
    cost = call.cost
    return Fields(
        request_id=call.request_id or None,
        model=call.model,
        task=call.task,
        engine=call.engine or None,
        prompt_tokens=call.prompt_tokens,
        completion_tokens=call.completion_tokens,
        ttft_ms=None if call.ttft_s is None else call.ttft_s * 1000,
        duration_ms=call.duration_s * 1000,
        finish_reason=call.finish_reason or None,
        outcome=call.outcome,
        neurons=None if cost is None else cost.neurons,
    )


def _tokens_per_s(call: CallRecord) -> float | None:
    """Speed after the first token; None when there was no second one to measure."""
    if call.ttft_s is None or call.completion_tokens < 2 or call.duration_s <= call.ttft_s:
        return None
    return (call.completion_tokens - 1) / (call.duration_s - call.ttft_s)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if seconds < 0.9995 else f"{seconds:.2f}s"


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _paint(text: str, codes: str, colour: bool) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m" if colour else text


def _plain(value: object) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return msgspec.json.encode(text).decode() if not text or any(char in ' "=\n' for char in text) else text
