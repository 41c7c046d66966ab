"""The start of an isolate's process: its arguments, its environment, and what connects it with the server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from paddock.worker.outputpipe import OutputPipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paddock.worker.process import IsolateSettings
    from paddock.worker.terminal import TerminalDesk

__all__ = ["Child", "isolate_environment", "spawn_isolate"]

#: What of the server's environment an isolate gets: what CPython and native libraries need to run, and nothing that
#: may hold a secret. A handler's own variables are in its Start frame.
_ENVIRONMENT: Final = frozenset({"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "USER"})
_ENVIRONMENT_PREFIXES: Final = ("LC_", "PYTHON")


class Child(NamedTuple):
    """A process that was started, and the server's ends of what leads to it."""

    process: asyncio.subprocess.Process
    sock: socket.socket
    outputs: Sequence[OutputPipe]
    #: Over which it asks for the terminal, where there is one to lend.
    terminal: socket.socket | None


async def spawn_isolate(settings: IsolateSettings, show: Callable[[str, bytes], None]) -> Child:
    """Start it. `show` gets the lines of its output, each with the name of its stream. Raises OSError."""
    with contextlib.ExitStack() as undo, contextlib.ExitStack() as childs:
        ours, theirs = _pair(undo, childs)
        terminal, lent = (None, None) if settings.desk is None else _pair(undo, childs)
        outputs = []
        for stream in ("stdout", "stderr"):
            outputs.append(output := OutputPipe(partial(show, stream)))
            undo.callback(output.close)
            childs.callback(os.close, output.writing)
        stdout, stderr = (output.writing for output in outputs)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", settings.module, str(theirs.fileno()), str(os.getpid()),
            *_words(settings, lent, settings.desk),
            stdin=asyncio.subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            pass_fds=[end.fileno() for end in (theirs, lent) if end is not None], cwd=settings.folder,
            start_new_session=True,  # ctrl-C in the terminal is for the server, which drains us
            env={**isolate_environment(os.environ), **settings.environment},
        )  # fmt: skip
        undo.pop_all()
    if terminal is not None:
        terminal.setblocking(False)
    return Child(process, ours, outputs, terminal)


def _pair(undo: contextlib.ExitStack, childs: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    """Our end, which is kept unless the start fails, and the child's, which is closed here once the child has it."""
    ours, theirs = socket.socketpair()
    return undo.enter_context(ours), childs.enter_context(theirs)


def _words(settings: IsolateSettings, lent: socket.socket | None, desk: TerminalDesk | None) -> list[str]:
    """Arguments for what only a developer's isolate has."""
    words = ["inspect"] if settings.inspector is not None else []
    return words if lent is None or desk is None else [*words, f"terminal={lent.fileno()}:{desk.path}"]


def isolate_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What an isolate gets of the server's environment."""
    kept = {
        name: value
        for name, value in environment.items()
        if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES)
    }
    return {**kept, "PYTHONUNBUFFERED": "1"}
