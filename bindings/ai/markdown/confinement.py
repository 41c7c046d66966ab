"""What the converter may not do, whatever a document asks for. Irrevocable: it holds for the rest of the process.

Limits of the operating system bound memory, time and files; an audit hook keeps Python code away from the network, from
other programs and from every file that is not a part of Python or of an installed package. The hook is a second wall:
no reader is known to do any of that.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from paddock.bindings.ai.markdown.documents import Limits

__all__ = ["confine", "limit_time"]

#: Audit events by their first words. Source: Python documentation, "Audit events table".
_FORBIDDEN: Final = (
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "socket.gethostby",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.",
    "ftplib.",
    "smtplib.",
    "urllib.",
)
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine(limits: Limits) -> None:
    """Set the limits of this process, and refuse what a conversion has no need for with PermissionError."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    own = os.path.dirname(__file__)
    places = {os.path.realpath(place) for place in (*sys.path, sys.prefix, sys.base_prefix, own) if place}
    readable = tuple(place.rstrip(os.sep) + os.sep for place in places if place != os.sep)

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            _check_open(arguments, readable)
        elif event.startswith(_FORBIDDEN):
            raise PermissionError(f"conversions have no use for {event}")

    sys.addaudithook(audit)


def limit_time(limits: Limits) -> None:
    """Grant the next document its processor time. The parent counts wall time; this holds when the parent cannot."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(usage.ru_utime + usage.ru_stime + limits.time_s) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.RLIM_INFINITY))


def _check_open(arguments: tuple[object, ...], readable: tuple[str, ...]) -> None:
    path, mode, flags = (*arguments, None, None)[:3]
    if isinstance(path, int):
        return  # a file that is open already
    is_writing = (isinstance(mode, str) and mode.strip("rbtU") != "") or (isinstance(flags, int) and flags & _WRITING)
    if is_writing or not os.path.realpath(os.fsdecode(path)).startswith(readable):  # type: ignore[arg-type] # a path
        raise PermissionError(f"conversions open no files: {path!r}")
