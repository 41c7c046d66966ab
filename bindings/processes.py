"""What a process has used, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Usage", "usage"]

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """Of one process, all threads together. Processor time is user and system, in seconds."""

    cpu_s: float
    #: Of its children that have ended and been waited for.
    reaped_cpu_s: float
    #: Resident memory.
    rss_bytes: int


def usage(pid: int) -> Usage | None:
    """None when the process is gone, and where there is no /proc. Source: proc(5), stat."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # Behind the name, which may hold anything: the state is field 3, processor times are 14 to 17, pages field 24.
    fields = text.rpartition(")")[2].split()
    user, system, reaped_user, reaped_system = map(int, fields[11:15])
    return Usage((user + system) / _TICKS, (reaped_user + reaped_system) / _TICKS, int(fields[21]) * _PAGE_BYTES)
