"""Exceptions of handlers, made anew in the test's process, with tracebacks that show the handler's own source.

A class that this process knows already, a built-in one or one of a module that the test has imported as well, is used
itself, so `pytest.raises` finds it; any other becomes a child of HandlerError with the same name. Nothing is imported,
and no `__init__` of a user's class is called.
"""

from __future__ import annotations

import json
import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final

from paddock.worker.testing.errors import HandlerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["rebuilt"]

#: Modules that this process has once an isolate has run in it: an earlier test must not change a later one.
_OF_ISOLATES: Final = frozenset({"js", "pyodide", "workers"})
#: Classes that were made here, by module and name: the same error twice is of the same class.
_MADE: Final[dict[tuple[str, str], type[HandlerError]]] = {}


def rebuilt(name: str, message: str, description: str) -> BaseException:
    """The exception of a fault. `description` is the isolate's; where it is none, name and message have to do.

    Of an isolate in this process, it is the exception itself.
    """
    try:
        described = json.loads(description)
    except ValueError:
        return _class("", name)(f"{message}\n{description}".rstrip())
    if "local" in described:
        from paddock.worker.testing.inside.local import take

        return take(described["local"])
    return _rebuilt(described)


def _rebuilt(described: Mapping[str, Any]) -> BaseException:
    error = _instance(described)
    for note in described["notes"]:
        error.add_note(note)
    error.__traceback__ = _traceback(described["frames"])
    for name in ("cause", "context"):
        if name in described:
            setattr(error, f"__{name}__", _rebuilt(described[name]))
    error.__suppress_context__ = described["hides_context"]
    return error


def _instance(described: Mapping[str, Any]) -> BaseException:
    if described["is_js"]:
        from paddock.worker.isolate.web.errors import JsException

        return JsException(*described["args"])
    kind = _known(described["module"], described["type"])
    made: BaseException
    if kind is None:
        made = _class(described["module"], described["type"])(described["text"])
    elif kind.__module__ == "builtins":
        try:
            made = kind(*described["args"])
        except TypeError:  # one whose arguments cannot cross, such as the object of a UnicodeDecodeError
            made = _class("builtins", described["type"])(described["text"])
    else:
        made = kind.__new__(kind)
        made.args = tuple(described["args"])
    made.__dict__.update({name: value for name, value in described["attributes"].items() if name != "__notes__"})
    return made


def _known(module: str, name: str) -> type[BaseException] | None:
    if module.partition(".")[0] in _OF_ISOLATES:
        return None
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    # Not `SystemExit`, `KeyboardInterrupt` and `CancelledError`: they would end what carries them to the test.
    return found if isinstance(found, type) and issubclass(found, Exception) else None


def _class(module: str, name: str) -> type[HandlerError]:
    if (module, name) not in _MADE:
        last = name.rpartition(".")[2]
        made = type(last, (HandlerError,), {"__module__": module or "handler", "__qualname__": name})
        _MADE[module, name] = made
    return _MADE[module, name]


def _traceback(frames: Sequence[Mapping[str, Any]]) -> TracebackType | None:
    trace: TracebackType | None = None
    for place in reversed(frames):
        # -1: no instruction, so nobody underlines a part of the line.
        trace = TracebackType(trace, _frame(place), -1, place["line"])
    return trace


def _frame(place: Mapping[str, Any]) -> FrameType:
    """A frame whose code claims to be the handler's: traceback, pytest and debuggers find the source by its file."""
    code = compile("raise ZeroDivisionError", place["file"], "exec")
    code = code.replace(co_name=place["name"], co_qualname=place["name"], co_firstlineno=place["first"])
    try:
        exec(code, {"__name__": place["name"], "__file__": place["file"]})
    except ZeroDivisionError as error:
        assert error.__traceback__ is not None
        assert error.__traceback__.tb_next is not None
        return error.__traceback__.tb_next.tb_frame
    raise AssertionError("the code raises")
