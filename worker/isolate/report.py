"""An exception of the handler, for a person: its frames with their variables, what caused it, what came before it."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Final

from paddock.worker.faultreport import AiCallReport, FaultReport, FrameReport, Raised, encode
from paddock.worker.isolate.loader import is_ours

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType, TracebackType

    from paddock.worker.faultreport import Relation
    from paddock.worker.isolate.notes import Notes
    from paddock.worker.isolate.shown import Shower

__all__ = ["message_of", "report"]

_EXCEPTIONS: Final = 10
#: Of one exception, the deepest ones.
_FRAMES: Final = 25
_VARIABLES: Final = 30
_MESSAGE: Final = 4000
_NAME: Final = 200
_TEXT: Final = 1500


def report(error: BaseException, notes: Notes | None, shower: Shower) -> bytes:
    """Everything that the error page shows, as it travels in a Fault."""
    raised = tuple(_described(part, relation, shower) for part, relation in _chain(error))
    if notes is None:
        return encode(FaultReport(raised))
    calls = tuple(
        AiCallReport(
            shower.text(call.model, _NAME),
            shower.text(call.inputs, _TEXT),
            shower.show(call.answer) if call.answer else "",
        )
        for call in notes.calls
    )
    return encode(FaultReport(raised, calls, tuple(shower.text(line, _TEXT) for line in notes.lines())))


def message_of(error: BaseException) -> str:
    """What the exception says; user code says it, and may fail in that, too."""
    try:
        return str(error)[:_MESSAGE]
    except Exception as failure:  # user code
        return f"<the message cannot be shown: {type(failure).__name__} in __str__>"


def _chain(error: BaseException) -> Iterator[tuple[BaseException, Relation]]:
    """The exception, then what caused it or is part of it, each once."""
    pending: list[tuple[BaseException, Relation]] = [(error, "")]
    seen: set[int] = set()
    while pending and len(seen) < _EXCEPTIONS:
        part, relation = pending.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part, relation
        if isinstance(part, BaseExceptionGroup):
            pending += [(inner, "part") for inner in part.exceptions]
        if part.__cause__ is not None:
            pending.append((part.__cause__, "cause"))
        elif part.__context__ is not None and not part.__suppress_context__:
            pending.append((part.__context__, "context"))


def _described(error: BaseException, relation: Relation, shower: Shower) -> Raised:
    frames = [frame for frame in _frames(error.__traceback__) if not is_ours(frame[0].f_code.co_filename)]
    shown = tuple(_frame(frame, line, shower) for frame, line in frames[-_FRAMES:])
    kind = shower.text(type(error).__name__, _NAME)
    return Raised(kind, shower.text(message_of(error), _MESSAGE), relation, shown)


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _frame(frame: FrameType, line: int, shower: Shower) -> FrameReport:
    names = _variables(frame)
    values = tuple(
        (shower.text(name, _NAME), shower.named(name, value)) for name, value in list(names.items())[:_VARIABLES]
    )
    code = frame.f_code
    return FrameReport(shower.text(code.co_filename, _MESSAGE), line, shower.text(code.co_name, _NAME), values)


def _variables(frame: FrameType) -> Mapping[str, object]:
    """What a person wants to see: at module level, neither modules nor functions nor classes."""
    found = frame.f_locals
    if frame.f_code.co_flags & _OPTIMIZED:  # a function: its variables are the interpreter's own
        return {name: value for name, value in found.items() if not name.startswith("@")}
    if type(found) is not dict:  # of a class body: the user's own mapping
        return {}
    dull = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    return {n: v for n, v in found.items() if type(n) is str and not n.startswith("__") and type(v) not in dull}


#: CO_OPTIMIZED of the code's flags.
_OPTIMIZED: Final = 1
