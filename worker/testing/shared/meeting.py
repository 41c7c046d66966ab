"""Where the processes of one run of pytest-xdist meet the process of their engines: the first one starts it.

A folder of the run in the temporary folder has a lock and a socket. Whoever holds the lock may start the process,
connect to it, or end it: so there is one at most, nobody connects to one that leaves, and it leaves when nobody is
connected. That is all that its life hangs by: a process of tests that dies, however, closes its connection.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import msgspec

from paddock.bindings.errors import EngineUnavailable
from paddock.worker.channel import FrameBuffer, frame
from paddock.worker.testing.shared.frames import FromEngines, Wanted, Welcome

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["folder_of_run", "locked", "met"]

_QUOTED_LINES: Final = 10


def folder_of_run(run: str) -> Path:
    """The folder where those of a run meet. It is made when the first of them comes, and goes with the last."""
    return Path(tempfile.gettempdir(), f"paddock-engines-{run}")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock. Blocking. It is free again at any end of this process.

    Raises EngineUnavailable where the folder is another user's.
    """
    lock = None
    while lock is None:
        lock = _lock(folder)
    with lock:
        yield


def _lock(folder: Path) -> IO[str] | None:
    """The lock, held; None where it has gone with its folder while we waited for it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        if folder.stat().st_uid != os.getuid():
            raise EngineUnavailable(f"{folder} belongs to another user.")
        lock = (folder / "lock").open("a")
    except FileNotFoundError:
        return None
    fcntl.flock(lock, fcntl.LOCK_EX)
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(lock.fileno()), (folder / "lock").stat()):
            return lock
    lock.close()
    return None


def met(folder: Path, wanted: Wanted) -> tuple[socket.socket, int | None]:
    """A connection to the run's engines, and the process id where this call had to start them. Blocking.

    Raises EngineUnavailable where they do not start.
    """
    with locked(folder):
        pid = None
        sock = _connected(folder)
        if sock is None:
            pid = _started(folder)
            sock = _connected(folder)
        if sock is None or not _is_welcome(sock, wanted):
            raise EngineUnavailable(f"The process of the engines has ended.\n  {_last_lines(folder)}")
        sock.setblocking(False)
        return sock, pid


def _connected(folder: Path) -> socket.socket | None:
    """None where there is no process that listens."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        with _address(folder) as address:
            sock.connect(address)
    except OSError as error:
        sock.close()
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            return None
        raise EngineUnavailable(f"{folder}: the process of the engines cannot be reached: {error}") from error
    return sock


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """The socket's path, by a short way: an address has about a hundred bytes, and folders may have longer names."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}/socket" if sys.platform == "linux" else str(folder / "socket")
    finally:
        os.close(fd)


def _started(folder: Path) -> int:
    """The process; it need not be ready to be connected to, as it is given the socket."""
    (folder / "socket").unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening, _address(folder) as address:
        listening.bind(address)
        listening.listen()
        os.set_inheritable(listening.fileno(), True)
        log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", f"{__package__}.process", str(listening.fileno()), str(folder)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(folder / "log"), log, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )


def _is_welcome(sock: socket.socket, wanted: Wanted) -> bool:
    """Whether the other side has what is wanted. False, and the socket closed, when it ended instead."""
    buffer = FrameBuffer()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        sock.sendall(frame(msgspec.msgpack.encode(wanted)))
        while data := sock.recv(1 << 16):
            for payload in buffer.feed(data):
                return isinstance(msgspec.msgpack.decode(payload, type=FromEngines), Welcome)
    sock.close()
    return False


def _last_lines(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return "\n  ".join((folder / "log").read_text(errors="replace").splitlines()[-_QUOTED_LINES:])
    return ""
