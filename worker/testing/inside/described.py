"""An exception of a handler as JSON: what is needed to raise one like it in the test's process.

Nothing is pickled: a description holds texts, numbers and places, and the other side decides what it makes of them.
"""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Final

from paddock.worker.isolate.loader import is_ours
from paddock.worker.isolate.web.errors import JsException

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["described"]

#: Of a deep recursion, both ends are kept.
_MOST_FRAMES: Final = 30
_MOST_CAUSES: Final = 4
_MOST_CHARACTERS: Final = 4000
_SIMPLE: Final = (str, int, float, bool, type(None))


def described(error: BaseException) -> str:
    """The exception and what caused it."""
    return json.dumps(_described(error, _MOST_CAUSES))


def _described(error: BaseException, depth: int) -> dict[str, object]:
    kind = type(error)
    found: dict[str, object] = {
        "module": kind.__module__,
        "type": kind.__qualname__,
        "text": _cut(_text(error)),
        "args": [_simple(argument) for argument in _args(error)][:10],
        "attributes": {name: value for name, value in _attributes(error).items() if isinstance(value, _SIMPLE)},
        "notes": [_cut(str(note)) for note in getattr(error, "__notes__", ())][:10],
        "frames": _frames(error.__traceback__),
        "is_js": isinstance(error, JsException),
        "hides_context": error.__suppress_context__,
    }
    if depth:
        for name, other in (("cause", error.__cause__), ("context", error.__context__)):
            if other is not None:
                found[name] = _described(other, depth - 1)
    return found


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # user code: its __str__ may be broken
        return f"<{type(error).__name__} without a text>"


def _args(error: BaseException) -> tuple[object, ...]:
    """What makes one like it: of an OSError, `args` has no names of files."""
    return error.__reduce__()[1] if isinstance(error, OSError) else error.args  # type: ignore[return-value]  # of C


def _attributes(error: BaseException) -> dict[str, object]:
    return dict(list(getattr(error, "__dict__", {}).items())[:20])


def _simple(value: object) -> object:
    if isinstance(value, str):
        return _cut(value)
    return value if isinstance(value, _SIMPLE) else repr(value)[:_MOST_CHARACTERS]


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."


def _frames(trace: TracebackType | None) -> list[dict[str, object]]:
    shown = [
        {"file": code.co_filename, "name": code.co_name, "line": line, "first": code.co_firstlineno}
        for code, line in ((frame.f_code, line) for frame, line in traceback.walk_tb(trace))
        if not is_ours(code.co_filename)
    ]  # fmt: skip
    half = _MOST_FRAMES // 2
    return shown if len(shown) <= _MOST_FRAMES else [*shown[:half], *shown[-half:]]
