"""handler.py -> entrypoint, or an import error that a person can read.

Source: workerd, Python entrypoint helper and introspection; PW-001 to PW-025.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker.isolate.sources import SavedFileLoader

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["Entrypoint", "ImportFailure", "is_ours", "load", "user_frames"]

#: Era 1 handlers: functions of the module. Source: workerd, python-entrypoint-helper.
_GLOBAL_HANDLERS: Final = ("on_fetch", "on_scheduled", "on_queue", "on_alarm", "on_trace", "on_pubsub")
#: Source: workerd, Python entrypoint helper.
_SRC_NOTE: Final = (
    "If your main module is inside the 'src' directory then your import statement shouldn't include a 'src.' prefix"
)


class Entrypoint(NamedTuple):
    """What a handler module exports. `default` is the class `Default`, `named` are its siblings by name.

    `has_global_handlers` marks era 1, where `functions` are the handlers by name and classes have `on_fetch`.
    """

    file: str
    default: type | None
    named: dict[str, type]
    functions: dict[str, Callable[..., object]]
    has_global_handlers: bool

    def handlers(self) -> tuple[str, ...]:
        """Names of the events that the module takes."""
        if self.default is None:
            return tuple(name.removeprefix("on_") for name in self.functions)
        return tuple(name for name in ("fetch", "scheduled", "queue", "email", "tail") if hasattr(self.default, name))

    def exports(self) -> tuple[str, ...]:
        """Names that `ctx.exports` has."""
        has_default = self.default is not None or bool(self.functions)
        return (*self.named, *(("default",) if has_default else ()))


class ImportFailure(Exception):
    """The handler's import raised. Positions count from 1, 0 when unknown; `frames` has no frame of Paddock."""

    def __init__(self, kind: str, message: str, file: str, line: int, column: int, frames: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.file, self.line, self.column, self.frames = (
            kind, message, file, line, column, frames,
        )  # fmt: skip


def load(main: Path, *, has_global_handlers: bool) -> Entrypoint:
    """Import the handler under its file's name and collect what it exports. Raises ImportFailure."""
    module = _import(main)
    base = _entrypoint_base()
    found = (exported for exported in _exported(module) if base is not None and issubclass(exported, base))
    classes = {entrypoint.__name__: entrypoint for entrypoint in found if entrypoint is not base}
    default = classes.pop("Default", None)
    functions = {}
    if has_global_handlers and default is None:
        values = ((name, getattr(module, name, None)) for name in _GLOBAL_HANDLERS)
        functions = {name: value for name, value in values if callable(value)}
    return Entrypoint(main.name, default, classes, functions, has_global_handlers)


def _entrypoint_base() -> type | None:
    """The SDK's class, or that of the project's own copy of it; None where a file of the user hides both."""
    try:
        from workers import WorkerEntrypoint
    except ImportError:
        return None
    return WorkerEntrypoint


def user_frames(error: BaseException) -> str:
    """The traceback as text, without the frames of Paddock, of the SDK and of the import system."""
    _explain(error)
    shown = traceback.TracebackException.from_exception(error)
    pending: list[traceback.TracebackException | None] = [shown]
    while pending:
        part = pending.pop()
        if part is not None:
            part.stack = traceback.StackSummary.from_list([f for f in part.stack if not is_ours(f.filename)])
            pending += [part.__cause__, part.__context__]
    return "".join(shown.format())


def _import(main: Path) -> ModuleType:
    name = main.stem
    spec = importlib.util.spec_from_file_location(name, main, loader=SavedFileLoader(name, str(main)))
    if spec is None or spec.loader is None or not main.is_file():
        raise ImportFailure(
            "missing", f"expected the handler at {main.name}; there is no such file", str(main), 0, 0, ""
        )
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        message = f"SyntaxError: {error.msg}"
        file, line, column = error.filename or str(main), error.lineno or 0, error.offset or 0
        raise ImportFailure("syntax", message, file, line, column, user_frames(error)) from error
    except (Exception, SystemExit) as error:  # user code: whatever it raises, the server must be able to show it
        line, file = _place(error, main)
        message = f"{type(error).__name__}: {error}"
        raise ImportFailure("import", message, file, line, 0, user_frames(error)) from error
    return module


def _explain(error: BaseException) -> None:
    """Production's note on the mistake that many projects with a `src` folder begin with (PW-023)."""
    is_src = isinstance(error, ModuleNotFoundError) and error.name == "src"
    if is_src and _SRC_NOTE not in getattr(error, "__notes__", ()):
        error.add_note(_SRC_NOTE)


def _place(error: BaseException, main: Path) -> tuple[int, str]:
    """The deepest frame of the user's own code."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not is_ours(f.filename)]
    return (frames[-1].lineno or 0, frames[-1].filename) if frames else (0, str(main))


def _exported(module: ModuleType) -> list[type]:
    """Classes that the module exports: `__all__` if it has one, otherwise every public name (imported ones count)."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    found = (getattr(module, name, None) for name in names)
    return [value for value in found if isinstance(value, type)]


def is_ours(filename: str) -> bool:
    """Whether a frame of this file is of Paddock, of the SDK or of the import system."""
    package = str(Path(__file__).parent.parent)
    return filename.startswith((package, "<frozen importlib")) or "/workers/" in filename
