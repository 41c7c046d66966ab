"""handler.py -> entrypoint, or an import error that a person can read.

Source: workerd, Python entrypoint helper and introspection; PW-001 to PW-025.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["Entrypoint", "ImportFailure", "load", "prepare_path", "user_frames"]

_SHIMS: Final = Path(__file__).parent / "shims"
#: Era 1 handlers: functions of the module. Source: workerd, python-entrypoint-helper.
_GLOBAL_HANDLERS: Final = ("on_fetch", "on_scheduled", "on_queue", "on_alarm", "on_trace", "on_pubsub")


class Entrypoint(NamedTuple):
    """What a handler module exports. `default` is the class `Default`; `functions` are era-1 handlers by name."""

    file: str
    default: type | None
    functions: dict[str, Callable[..., object]]

    def handlers(self) -> tuple[str, ...]:
        """Names of the events that the module takes."""
        if self.default is None:
            return tuple(name.removeprefix("on_") for name in self.functions)
        return tuple(name for name in ("fetch", "scheduled", "queue", "email") if hasattr(self.default, name))


class ImportFailure(Exception):
    """The handler's import raised. Positions count from 1, 0 when unknown; `frames` has no frame of Paddock."""

    def __init__(self, kind: str, message: str, file: str, line: int, column: int, frames: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.file, self.line, self.column, self.frames = (
            kind, message, file, line, column, frames,
        )  # fmt: skip


def prepare_path(main: Path) -> None:
    """Set the platform's search order: built-ins, the handler's folder, the standard library, python_modules, the rest.

    The shims stand first because `js` and `pyodide` are built in there: no file of the user can shadow them.
    """
    sys.path[:0] = [str(_SHIMS), str(main.parent)]
    vendored = main.parent / "python_modules"
    if vendored.is_dir():
        first_site = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
        sys.path.insert(first_site, str(vendored))


def load(main: Path, *, has_global_handlers: bool) -> Entrypoint:
    """Import the handler under its file's name and collect what it exports. Raises ImportFailure."""
    module = _import(main)
    from workers import WorkerEntrypoint  # the official SDK, or the project's own copy of it in python_modules

    default = next((c for c in _exported(module) if c.__name__ == "Default" and issubclass(c, WorkerEntrypoint)), None)
    functions = {}
    if has_global_handlers and default is None:
        found = ((name, getattr(module, name, None)) for name in _GLOBAL_HANDLERS)
        functions = {name: function for name, function in found if callable(function)}
    return Entrypoint(main.name, default, functions)


def user_frames(error: BaseException) -> str:
    """The traceback as text, without the frames of Paddock, of the SDK and of the import system."""
    shown = traceback.TracebackException.from_exception(error)
    pending: list[traceback.TracebackException | None] = [shown]
    while pending:
        part = pending.pop()
        if part is not None:
            part.stack = traceback.StackSummary.from_list([f for f in part.stack if not _is_ours(f.filename)])
            pending += [part.__cause__, part.__context__]
    return "".join(shown.format())


def _import(main: Path) -> ModuleType:
    name = main.stem
    spec = importlib.util.spec_from_file_location(name, main)
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


def _place(error: BaseException, main: Path) -> tuple[int, str]:
    """The deepest frame of the user's own code."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_ours(f.filename)]
    return (frames[-1].lineno or 0, frames[-1].filename) if frames else (0, str(main))


def _exported(module: ModuleType) -> list[type]:
    """Classes that the module exports: `__all__` if it has one, otherwise every public name (imported ones count)."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    found = (getattr(module, name, None) for name in names)
    return [value for value in found if isinstance(value, type)]


def _is_ours(filename: str) -> bool:
    package = str(Path(__file__).parent.parent)
    return filename.startswith((package, "<frozen importlib")) or "/workers/" in filename
