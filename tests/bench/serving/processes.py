"""Process trees: start, stop and continue, CPU time and memory by role, and an end on every way out."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["Process", "Tree", "end_with_signals", "paddock_role", "vllm_role"]

_END_S: Final = 15.0


class Process(NamedTuple):
    """One process of a tree."""

    pid: int
    parent: int
    name: str
    command: str


#: The role of a process in its tree, given the processes above it, the nearest first.
Role = Callable[[Process, Sequence[Process]], str]


def paddock_role(process: Process, above: Sequence[Process]) -> str:
    """front, isolate, forkserver, host, and core where it has a process of its own."""
    if not above:
        return "front"
    if "paddock.worker.isolate" in process.command:
        return "isolate"
    return {1: "forkserver", 2: "host"}.get(len(above), "core")


def vllm_role(process: Process, above: Sequence[Process]) -> str:
    """front, core, worker; of an engine without a server, host in place of front."""
    if not above:
        return "host" if "ceiling.py" in process.command else "front"
    if "EngineCore" in process.name or "EngineCore" in process.command:
        return "core"
    return "worker" if "Worker" in process.name or "Worker" in process.command else "other"


class Tree:
    """A process and everything below it. Never left behind: use it as a context manager."""

    def __init__(self, command: Sequence[str], role: Role, **options: Any) -> None:
        self._role = role
        self.process: subprocess.Popen[bytes] = subprocess.Popen(command, **options)
        #: Process id -> when it started: the number alone may be another's one day.
        self._known: dict[int, str] = {}

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @contextlib.contextmanager
    def kept_if_well(self) -> Iterator[None]:
        """End the tree when the block raises; otherwise whoever holds it has to."""
        try:
            yield
        except BaseException:
            self.end()
            raise

    def roles(self) -> Mapping[int, str]:
        """Process id -> role, of what lives now."""
        found = {process.pid: self._role(process, above) for process, above in _walk(self.process.pid, ())}
        self._known.update((pid, _started(pid)) for pid in found if pid not in self._known)
        return found

    def stop(self) -> None:
        """Take the whole tree off the CPUs."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def cpu_s(self) -> dict[str, float]:
        """Seconds on a CPU so far, by role."""
        seconds: dict[str, float] = {}
        for pid, role in self.roles().items():
            seconds[role] = seconds.get(role, 0.0) + _cpu_s(pid)
        return seconds

    def memory_mb(self) -> dict[str, dict[str, float]]:
        """Resident, proportional and private memory by role."""
        sizes: dict[str, dict[str, float]] = {}
        for pid, role in self.roles().items():
            sizes[role] = {name: value + sizes.get(role, {}).get(name, 0.0) for name, value in memory_mb(pid).items()}
        return sizes

    def pid(self, role: str) -> int:
        """The process of this role."""
        return next(pid for pid, known in self.roles().items() if known == role)

    def end(self) -> None:
        """End everything, children that changed their parent included. Idempotent."""
        with contextlib.suppress(OSError):
            self.roles()
        self._signal(signal.SIGCONT)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_S)
        self._signal(signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + _END_S
        while any(_is_there(pid, started) for pid, started in self._known.items()) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _signal(self, number: signal.Signals) -> None:
        for pid, started in self._known.items():
            if _is_there(pid, started):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)


@contextlib.contextmanager
def end_with_signals() -> Iterator[None]:
    """Turn the signals that end a script into an exception, so that no stopped process is left behind."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    yield


def memory_mb(pid: int) -> dict[str, float]:
    """RSS, PSS and USS of a process; its highest RSS since `reset_peak`."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        kb = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        peak = next(
            int(line.split()[1])
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
        private = kb["Private_Clean"] + kb["Private_Dirty"]
        return {"rss": kb["Rss"] / 1000, "pss": kb["Pss"] / 1000, "uss": private / 1000, "peak": peak / 1000}
    return {"rss": 0.0, "pss": 0.0, "uss": 0.0, "peak": 0.0}


def reset_peak(pid: int) -> None:
    """Begin anew with the highest RSS of a process."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _walk(pid: int, above: tuple[Process, ...]) -> Iterator[tuple[Process, tuple[Process, ...]]]:
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        lists = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return
    process = Process(pid, above[0].pid if above else 0, name, command)
    yield process, above
    for child in sorted(int(child) for found in lists for child in found):
        yield from _walk(child, (process, *above))


def _cpu_s(pid: int) -> float:
    """Of all live threads, to the nanosecond; a process's own sum is kept in clock ticks of 10 ms."""
    total = 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(file.read_text().split()[0])
    return total / 1e9


def _started(pid: int) -> str:
    """The clock tick in which a process started; empty for a zombie, and when it is gone. Source: proc(5), stat."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _is_there(pid: int, started: str) -> bool:
    return bool(started) and _started(pid) == started
