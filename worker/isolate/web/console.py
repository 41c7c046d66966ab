"""`console`: lines on standard output and standard error, where the server picks them up (PW-121).

Source: Console standard. A first argument with `%s`, `%d` and their like is a format for the others.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, TextIO

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.objects import JsObject, JsProxy
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CONSOLE", "Observer", "observe"]

_DEPTH: Final = 3
_SPECIFIER: Final = re.compile(r"%[sdifoOc%]")


class _Console(JsProxy):
    """`js.console`. Warnings and errors go to standard error."""

    _js_name = "console"

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._timers: dict[str, float] = {}

    def log(self, *values: object) -> None:
        _write(sys.stdout, "log", values)

    def info(self, *values: object) -> None:
        _write(sys.stdout, "info", values)

    def debug(self, *values: object) -> None:
        _write(sys.stdout, "debug", values)

    dir = log
    dirxml = log
    table = log
    group = log
    groupCollapsed = log

    def groupEnd(self) -> None:
        """Lines are not indented, so there is nothing to end."""

    def warn(self, *values: object) -> None:
        _write(sys.stderr, "warn", values)

    def error(self, *values: object) -> None:
        _write(sys.stderr, "error", values)

    def trace(self, *values: object) -> None:
        _write(sys.stderr, "log", values)

    def assert_(self, condition: object = False, *values: object) -> None:
        """Report a condition that does not hold."""
        if not condition:
            _write(sys.stderr, "error", ("Assertion failed:", *values) if values else ("Assertion failed",))

    def count(self, label: object = "default") -> None:
        """Log how often this was called with a label."""
        name = js_string(label)
        self._counts[name] = self._counts.get(name, 0) + 1
        self.log(f"{name}: {self._counts[name]}")

    def countReset(self, label: object = "default") -> None:
        self._counts.pop(js_string(label), None)

    def time(self, label: object = "default") -> None:
        """Begin to measure."""
        self._timers[js_string(label)] = time.perf_counter()

    def timeLog(self, label: object = "default", *values: object) -> None:
        """Log how long it is since `time` was called with a label."""
        name = js_string(label)
        if name in self._timers:
            self.log(f"{name}: {(time.perf_counter() - self._timers[name]) * 1e3:.3f}ms", *values)

    def timeEnd(self, label: object = "default") -> None:
        """Log it, and end."""
        self.timeLog(label)
        self._timers.pop(js_string(label), None)


#: The object that handlers import.
CONSOLE: Final = _Console()


#: Around the writing of a line, with its level and its values.
Observer = Callable[[str, tuple[object, ...]], AbstractContextManager[None]]

_observer: Observer | None = None


def observe(observer: Observer | None) -> None:
    """Set who is told of everything that is logged, before any handler runs."""
    global _observer
    _observer = observer


def _write(file: TextIO, level: str, values: tuple[object, ...]) -> None:
    text = " ".join(value if isinstance(value, str) else _shown(value, _DEPTH) for value in _formatted(values))
    with _observer(level, values) if _observer is not None else nullcontext():
        # One write for a line, at once: what print and logging write keeps its place.
        file.write(f"{text}\n")
        file.flush()


def _formatted(values: tuple[object, ...]) -> tuple[object, ...]:
    """The values, with those filled in that a format among them asks for."""
    if len(values) < 2 or not isinstance(values[0], str) or "%" not in values[0]:
        return values
    waiting = list(values[1:])

    def fill(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        if not waiting:
            return match[0]
        value = waiting.pop(0)
        match match[0]:
            case "%s":
                return js_string(value)
            case "%c":  # style, which plain text does not have
                return ""
            case "%d" | "%i" | "%f":
                if not isinstance(value, int | float):
                    return "NaN"
                return js_string(int(value) if match[0] == "%i" else value)
        return _shown(value, _DEPTH)

    return (_SPECIFIER.sub(fill, values[0]), *waiting)


def _shown(value: object, depth: int) -> str:
    match value:
        case str():
            return repr(value)
        case JsArray():
            return f"[ {', '.join(_shown(item, depth - 1) for item in value)} ]" if len(value) and depth else "[]"
        case JsObject():
            members = list(_members(value, depth)) if depth else ["[Object]"]
            return f"{{ {', '.join(members)} }}" if members else "{}"
    return js_string(value)


def _members(value: JsObject, depth: int) -> Iterator[str]:
    return (f"{name}: {_shown(member, depth - 1)}" for name, member in value._members().items())
