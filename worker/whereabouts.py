"""Where a project's dev servers listen: each leaves a small file in the state folder, for commands that ask it.

`dev` moves to another port where its own is taken, and one project may have several servers, so the configuration does
not tell. A server takes its file away when it ends; the file of one that was killed is known by its process, which is
gone, and taken away by whoever looks next.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from paddock.bindings.state import StateFolder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FOLDER", "Whereabouts", "leave", "place", "remove", "running"]

logger = logging.getLogger(__name__)

#: In the state folder: `PID.json` for each server.
FOLDER: Final = "servers"


class Whereabouts(msgspec.Struct, frozen=True):
    """A server that runs. `url` is an address that this machine reaches it at, `started` seconds since 1970."""

    pid: Annotated[int, Meta(gt=0, lt=2**31)]
    url: str
    started: float


def leave(state: Path, protocol: str, ip: str, port: int) -> None:
    """Say where this process listens. A state folder that cannot be written ends no server: commands need `--port`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(ip, ip)
    host = f"[{reachable}]" if ":" in reachable else reachable
    mine = Whereabouts(os.getpid(), f"{protocol}://{host}:{port}", time.time())
    try:
        file = StateFolder(state).file(FOLDER, f"{mine.pid}.json")
        half = file.with_suffix(".half")
        half.write_bytes(msgspec.json.encode(mine))
        half.replace(file)
    except OSError as error:
        logger.warning("%s: %s. Other commands find this server by --port %d alone.", state, error.strerror, port)


def remove(state: Path) -> None:
    """Take away what this process left, if it did. In a folder that is read-only, it is known by its process."""
    with contextlib.suppress(OSError):
        place(state, os.getpid()).unlink(missing_ok=True)


def running(state: Path) -> list[Whereabouts]:
    """The servers whose processes live, the newest first."""
    found = [_read(file) for file in (StateFolder(state).path / FOLDER).glob("*.json")]
    return sorted(filter(None, found), key=lambda one: -one.started)


def place(state: Path, pid: int) -> Path:
    """The file of a server, there or not."""
    return StateFolder(state).path / FOLDER / f"{pid}.json"


def _read(file: Path) -> Whereabouts | None:
    """What a file says; None, and no file any more, where nobody is there."""
    try:
        told = msgspec.json.decode(file.read_bytes(), type=Whereabouts)
    except FileNotFoundError:  # it has ended since the folder was listed
        return None
    except msgspec.DecodeError:
        file.unlink(missing_ok=True)
        return None
    if _lives(told.pid):
        return told
    file.unlink(missing_ok=True)
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process
        return True
    return True
