"""`console`: lines on standard output and standard error, where the server picks them up (PW-121)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, TextIO

from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.objects import JsObject, JsProxy
from paddock.worker.isolate.web.text import js_string

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CONSOLE"]

_DEPTH: Final = 3


class _Console(JsProxy):
    """`js.console`. Warnings and errors go to standard error."""

    _js_name = "console"

    def log(self, *values: object) -> None:
        _write(sys.stdout, values)

    info = log
    debug = log

    def warn(self, *values: object) -> None:
        _write(sys.stderr, values)

    error = warn
    trace = warn

    def assert_(self, condition: object = False, *values: object) -> None:
        """Report a condition that does not hold."""
        if not condition:
            _write(sys.stderr, ("Assertion failed", *values))


#: The object that handlers import.
CONSOLE: Final = _Console()


def _write(file: TextIO, values: tuple[object, ...]) -> None:
    text = " ".join(value if isinstance(value, str) else _shown(value, _DEPTH) for value in values)
    # One write for a line, at once: what print and logging write keeps its place.
    file.write(f"{text}\n")
    file.flush()


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
