"""Where a project's dev servers listen: each leaves a small file in the state folder, for commands that ask it.

`dev` moves to another port where its own is taken, and one project may have several servers, so the configuration does
not tell. A server takes its file away when it ends; the file of one that was killed is known by its lock, which nobody
holds any more, and taken away by whoever looks next. A process id would not tell: it may be another's by now, or that
of a container.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from paddock.bindings.state import StateFolder

if TYPE_CHECKING:
    from io import BufferedReader, BufferedWriter
    from pathlib import Path

__all__ = ["FOLDER", "Sign", "Whereabouts", "leave", "place", "running"]

logger = logging.getLogger(__name__)

#: In the state folder: `PID.json` for each server.
FOLDER: Final = "servers"


class Whereabouts(msgspec.Struct, frozen=True):
    """A server that runs. `url` is an address that this machine reaches it at, `started` seconds since 1970."""

    pid: Annotated[int, Meta(gt=0, lt=2**31)]
    url: str
    started: float


class Sign:
    """What one server leaves. Its lock is held for as long as the process lives, however it ends."""

    def __init__(self, file: Path, held: BufferedWriter) -> None:
        self._file = file
        self._held = held

    def remove(self) -> None:
        """Take it away. In a folder that is read-only by now, it is known by its lock."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
        self._held.close()


def leave(state: Path, protocol: str, ip: str, port: int) -> Sign | None:
    """Say where this process listens. A state folder that cannot be written ends no server: commands need `--port`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(ip, ip)
    host = f"[{reachable}]" if ":" in reachable else reachable
    mine = Whereabouts(os.getpid(), f"{protocol}://{host}:{port}", time.time())
    try:
        file = StateFolder(state).file(FOLDER, f"{mine.pid}.json")
        half = file.with_suffix(".half")
        with contextlib.ExitStack() as undo:
            held = undo.enter_context(half.open("wb"))
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.write(msgspec.json.encode(mine))
            held.flush()
            half.replace(file)
            undo.pop_all()
        return Sign(file, held)
    except OSError as error:
        logger.warning("%s: %s. Other commands find this server by --port %d alone.", state, error.strerror, port)
        return None


def running(state: Path) -> list[Whereabouts]:
    """The servers that run, the newest first."""
    found = [_read(file) for file in (StateFolder(state).path / FOLDER).glob("*.json")]
    return sorted(filter(None, found), key=lambda one: -one.started)


def place(state: Path, pid: int) -> Path:
    """The file of a server, there or not."""
    return StateFolder(state).path / FOLDER / f"{pid}.json"


def _read(file: Path) -> Whereabouts | None:
    """What a file says; None, and no file any more, where nobody holds it."""
    try:
        with file.open("rb") as found:
            if _is_held(found):
                return msgspec.json.decode(found.read(), type=Whereabouts)
    except FileNotFoundError:  # it has ended since the folder was listed
        return None
    except msgspec.DecodeError:
        pass
    file.unlink(missing_ok=True)
    return None


def _is_held(file: BufferedReader) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
